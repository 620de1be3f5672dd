using Gemma3Server.Engine;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;

namespace Gemma3Server.Benchmarks;

/// <summary>The same sampling, as this server's parameters and as the native chain's.</summary>
internal sealed record SamplerCase(string Name, SamplingParameters Ours, NativeSamplerOptions Native)
{
    /// <summary>Tokens that the penalties know.</summary>
    private const int History = 512;

    private static readonly SamplingParameters Gemma = new() { Seed = 1 };

    public static IReadOnlyList<SamplerCase> All { get; } =
    [
        new("Gemma's defaults", Gemma, new()),
        new("greedy", Gemma with { Temperature = 0 }, new() { Temperature = 0 }),
        new("top_k 0, top_p 1", Gemma with { TopK = 0, TopP = 1 }, new() { TopK = 0, TopP = 1 }),
        new("top_k 0, top_p 0.95", Gemma with { TopK = 0 }, new() { TopK = 0 }),
        new(
            $"defaults + penalties on {History} tokens",
            Gemma with { RepeatPenalty = 1.1f, FrequencyPenalty = 0.2f, PresencePenalty = 0.5f },
            new() { RepeatPenalty = 1.1f, FrequencyPenalty = 0.2f, PresencePenalty = 0.5f, PenaltyTokens = History }),
        new("min_p 0.05, top_k 0", Gemma with { TopK = 0, TopP = 1, MinP = 0.05f }, new() { TopK = 0, TopP = 1, MinP = 0.05f }),
        new("typical_p 0.9, top_k 64", Gemma with { TypicalP = 0.9f }, new() { TypicalP = 0.9f }),
        new("typical_p 0.9, top_k 0", Gemma with { TopK = 0, TopP = 1, TypicalP = 0.9f }, new() { TopK = 0, TopP = 1, TypicalP = 0.9f }),
    ];

    /// <summary>The tokens that the penalties of both count as generated.</summary>
    public static int[] Accepted()
    {
        var random = new Random(3);
        return [.. Enumerable.Range(0, History).Select(_ => random.Next(LogitRows.Vocabulary))];
    }
}
