namespace Gemma3Server.Engine;

/// <summary>
/// How the next token is chosen from the logits. The defaults are the Gemma team's: temperature 1.0, top-k 64, top-p 0.95, min-p 0.
/// </summary>
public sealed record SamplingParameters
{
    /// <summary>0 to 2; logits are divided by it after truncation. 0 = greedy: the largest logit wins.</summary>
    public float Temperature { get; init; } = 1.0f;

    /// <summary>Keep the k most probable tokens; 0 = all.</summary>
    public int TopK { get; init; } = 64;

    /// <summary>Keep the smallest set of most probable tokens whose probability reaches this; greater than 0, 1 = off.</summary>
    public float TopP { get; init; } = 0.95f;

    /// <summary>Keep tokens at least this fraction as probable as the most probable; 0 = off.</summary>
    public float MinP { get; init; }

    /// <summary>
    /// Keep the most typical tokens, those whose probability is nearest to what the distribution's entropy makes one expect, until they reach
    /// this probability (locally typical sampling, Meister et al. 2022); of equally typical ones all. Greater than 0, 1 = off. Comes after
    /// top-k and before top-p, and may drop the most probable token.
    /// </summary>
    public float TypicalP { get; init; } = 1.0f;

    /// <summary>Subtracted once from the logit of every token that has been generated; -2 to 2.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted from a token's logit for every time it has been generated; -2 to 2.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens in prompt or completion (Keskar et al. 2019); 1 = off.</summary>
    public float RepeatPenalty { get; init; } = 1.0f;

    /// <summary>Added to the logits of single tokens, -100 to 100 each; <see langword="null"/> = none.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Seed of the generator; the same request with the same seed gives the same tokens. <see langword="null"/> = a fresh one.</summary>
    public ulong? Seed { get; init; }
}
