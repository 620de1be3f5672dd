namespace Gemma3Pocket.Model;

/// <summary>What a tensor of the model is.</summary>
internal enum WeightKind
{
    /// <summary>A projection; what the quantized file stores as Q4_0.</summary>
    Matrix,

    /// <summary>The token embeddings, which are the output projection too.</summary>
    Embedding,

    /// <summary>A norm's weight, kept as its distance from 1.</summary>
    Norm,
}
