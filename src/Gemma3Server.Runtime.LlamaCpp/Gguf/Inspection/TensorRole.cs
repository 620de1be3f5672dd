namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>What a tensor is for.</summary>
public enum TensorRole
{
    /// <summary>Token embeddings; Gemma 3 uses them as output matrix too.</summary>
    TokenEmbeddings,

    /// <summary>Query, key, value and output matrices of attention.</summary>
    Attention,

    /// <summary>Gate, up and down matrices.</summary>
    FeedForward,

    /// <summary>Norm weights of all kinds.</summary>
    Norms,

    /// <summary>An output matrix of its own.</summary>
    Output,

    /// <summary>Anything else, such as an image encoder.</summary>
    Other,
}
