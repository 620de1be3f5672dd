namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>What quantizing did.</summary>
/// <param name="SourceBytes">Bytes of the source file.</param>
/// <param name="TargetBytes">Bytes of the file that was written.</param>
/// <param name="SourceBitsPerWeight">Bits of a weight in the source, over all tensors.</param>
/// <param name="TargetBitsPerWeight">Bits of a weight in the file that was written.</param>
public sealed record QuantizeResult(long SourceBytes, long TargetBytes, double SourceBitsPerWeight, double TargetBitsPerWeight);
