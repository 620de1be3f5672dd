using System.Diagnostics.CodeAnalysis;

namespace Gemma3Server.Engine.Embedding;

/// <summary>The vectors of a request, or why there are none.</summary>
public sealed record EmbeddingResult
{
    private EmbeddingResult()
    {
    }

    /// <summary>Whether there are vectors.</summary>
    [MemberNotNullWhen(true, nameof(Vectors))]
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool Succeeded => Vectors is not null;

    /// <summary>One vector for each input, in their order: the mean of its tokens' hidden states, of length 1.</summary>
    public float[][]? Vectors { get; private init; }

    /// <summary>Why it failed or was not admitted.</summary>
    public GenerationEvent.Failed? Failure { get; private init; }

    /// <summary>For a refusal: when to try again.</summary>
    public TimeSpan? RetryAfter { get; private init; }

    internal static EmbeddingResult Of(float[][] vectors) => new() { Vectors = vectors };

    internal static EmbeddingResult Fail(GenerationError error, string message, TimeSpan? retryAfter = null) =>
        new() { Failure = new(error, message), RetryAfter = retryAfter };
}
