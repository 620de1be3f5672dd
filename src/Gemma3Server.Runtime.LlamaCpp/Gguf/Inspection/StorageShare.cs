namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>The part of a checkpoint's tensors that have something in common.</summary>
/// <param name="Name">What they have in common: a type, such as <c>Q4_0</c>, or a role.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Weights">Number of weights.</param>
/// <param name="Bytes">Bytes in the file, without padding.</param>
public sealed record StorageShare(string Name, int Tensors, long Weights, long Bytes)
{
    /// <summary>Bits of a weight.</summary>
    public double BitsPerWeight => Weights == 0 ? 0 : 8d * Bytes / Weights;
}
