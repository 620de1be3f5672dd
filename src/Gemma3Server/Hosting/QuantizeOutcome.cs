namespace Gemma3Server.Hosting;

/// <summary>What <c>quantize</c> did: the files' sizes, and the bits of a weight in them.</summary>
internal sealed record QuantizeOutcome(long SourceBytes, long TargetBytes, double SourceBitsPerWeight, double TargetBitsPerWeight);
