namespace Gemma3Server.Runtime.LlamaCpp.Diagnostics;

/// <summary>What a <see cref="NativeDecodeLoop"/> produced, and how long it took.</summary>
public sealed record NativeDecodeResult
{
    /// <summary>The greedy tokens of each prompt, in the order of the prompts.</summary>
    public required IReadOnlyList<int[]> Tokens { get; init; }

    /// <summary>Prompt tokens of all sequences.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Time for all prompts, in seconds.</summary>
    public required double PrefillSeconds { get; init; }

    /// <summary>Time for all decode steps, sampling included, in seconds. The first token of each sequence comes from its prefill.</summary>
    public required double DecodeSeconds { get; init; }

    /// <summary>Tokens that the decode steps yielded, of all sequences: the count that belongs to <see cref="DecodeSeconds"/>.</summary>
    public required int DecodeTokens { get; init; }

    /// <summary>Prompt tokens per second.</summary>
    public double PrefillRate => PrefillSeconds > 0 ? PromptTokens / PrefillSeconds : 0;

    /// <summary>Tokens per second of all sequences together.</summary>
    public double DecodeRate => DecodeSeconds > 0 ? DecodeTokens / DecodeSeconds : 0;
}
