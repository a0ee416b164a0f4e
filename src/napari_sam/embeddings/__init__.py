"""What encoders made of planes: kept in memory and on disk, by one key.

The door is `napari_sam.embeddings.memory.EmbeddingCache`: asked to encode a plane, it looks in
memory, then in its store on disk, and asks the model last. The key says which weights, which
pixels and which contrast, so nothing is ever found for another image. Models know none of this;
a script that wants one to look on disk by itself gives it a store (`napari_sam.loading`).
"""
