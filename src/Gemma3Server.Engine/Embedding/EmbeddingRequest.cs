namespace Gemma3Server.Engine.Embedding;

/// <summary>Texts to embed, already validated: each becomes one vector.</summary>
public sealed record EmbeddingRequest
{
    /// <summary>Id for logs.</summary>
    public required string Id { get; init; }

    /// <summary>Token ids of each text, the beginning-of-sequence token included; 1 to context length each, and at least one text.</summary>
    public required int[][] Inputs { get; init; }

    /// <summary>Longest time from admission to the end; <see langword="null"/> = any.</summary>
    public TimeSpan? Timeout { get; init; }
}
