namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>How far <see cref="SyntheticCheckpoint.Write"/> is.</summary>
/// <param name="BytesWritten">Bytes of the file written so far.</param>
/// <param name="TotalBytes">Bytes of the finished file.</param>
public readonly record struct SyntheticCheckpointProgress(long BytesWritten, long TotalBytes);
