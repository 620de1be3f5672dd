using Gemma3Server.Engine;

namespace Gemma3Server.Prompts;

/// <summary>A completion request that can be run as it is.</summary>
internal sealed record ParsedCompletion
{
    /// <summary>Id of the answer.</summary>
    public required string Id { get; init; }

    /// <summary>For the engine: <see cref="BestOf"/> generations of the first prompt, then of the second, ...</summary>
    public required IReadOnlyList<GenerationRequest> Requests { get; init; }

    /// <summary>Answers to each prompt.</summary>
    public required int N { get; init; }

    /// <summary>Generations for each prompt, of which the best <see cref="N"/> are the answers.</summary>
    public required int BestOf { get; init; }

    /// <summary>What the answers to each prompt begin with; <see langword="null"/> = nothing.</summary>
    public IReadOnlyList<string>? Echo { get; init; }

    /// <summary>Whether the answers tell the log-probabilities of their tokens.</summary>
    public bool ReportsLogProbs { get; init; }

    /// <summary>Whether the answer is streamed.</summary>
    public bool Stream { get; init; }

    /// <summary>Whether a streamed answer ends with token counts.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary>Parameters that were given and have no effect.</summary>
    public required IReadOnlyList<string> IgnoredParameters { get; init; }

    /// <summary>Number of prompts.</summary>
    public int Prompts => Requests.Count / BestOf;

    /// <summary>Tokens of all prompts, each counted once however many answers it has.</summary>
    public int PromptTokens => Enumerable.Range(0, Prompts).Sum(prompt => Requests[prompt * BestOf].PromptTokens.Length);

    /// <summary>The text with which the answers of a generation begin.</summary>
    public string EchoOf(int generation) => Echo?[generation / BestOf] ?? "";
}
