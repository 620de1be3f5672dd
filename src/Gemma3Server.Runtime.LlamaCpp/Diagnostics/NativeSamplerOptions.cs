namespace Gemma3Server.Runtime.LlamaCpp.Diagnostics;

/// <summary>What a <see cref="NativeSampler"/> does, in the order of llama-server's default chain; a value that changes nothing is left out.</summary>
public sealed record NativeSamplerOptions
{
    /// <summary>Divides positive and multiplies negative logits of accepted tokens; 1 = off.</summary>
    public float RepeatPenalty { get; init; } = 1f;

    /// <summary>Subtracted for every time that a token was accepted.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Subtracted once from accepted tokens.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>How many accepted tokens the penalties look at.</summary>
    public int PenaltyTokens { get; init; } = 64;

    /// <summary>0 = all.</summary>
    public int TopK { get; init; } = 64;

    /// <summary>1 = off.</summary>
    public float TypicalP { get; init; } = 1f;

    /// <summary>1 = off.</summary>
    public float TopP { get; init; } = 0.95f;

    /// <summary>0 = off.</summary>
    public float MinP { get; init; }

    /// <summary>0 = greedy.</summary>
    public float Temperature { get; init; } = 1f;

    /// <summary>Seed of the draws.</summary>
    public uint Seed { get; init; }
}
