namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>How far quantizing is.</summary>
/// <param name="Tensor">The tensor that has just been begun.</param>
/// <param name="Bytes">Bytes of the source's tensors before it.</param>
/// <param name="TotalBytes">Bytes of all the source's tensors.</param>
public readonly record struct QuantizeProgress(string Tensor, long Bytes, long TotalBytes);
