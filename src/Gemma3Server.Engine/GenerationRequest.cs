using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Engine;

/// <summary>
/// One complete generation, already validated: nothing below re-checks user input. It is plain data and serializable, so that a request
/// together with its emitted tokens is enough to resume it in another process.
/// </summary>
public sealed record GenerationRequest
{
    /// <summary>Id for logs and for the response (<c>chatcmpl-...</c>).</summary>
    public required string Id { get; init; }

    /// <summary>Prompt token ids including the one beginning-of-sequence token; 1 to context length minus 1.</summary>
    public required int[] PromptTokens { get; init; }

    /// <summary>Tokens of the completion that were emitted before (a resumed request); they are computed as prompt, not emitted again.</summary>
    public int[] EmittedTokens { get; init; } = [];

    /// <summary>Most tokens to generate, at least 1; prompt plus this never exceeds the context length.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>
    /// How many of the most probable tokens are reported beside each generated one's own log-probability, 0 to 20; <see langword="null"/> =
    /// no log-probabilities.
    /// </summary>
    public int? TopLogProbs { get; init; }

    /// <summary>
    /// Tokens before the generation may end by itself: no end-of-generation or stop token is chosen before that many others, and a stop
    /// string counts only where it begins in the last of them or later. At most <see cref="MaxTokens"/>.
    /// </summary>
    public int MinTokens { get; init; }

    /// <summary>Further tokens that end the generation and are not part of the text.</summary>
    public int[] StopTokens { get; init; } = [];

    /// <summary>What the completion will probably be, as the client says: tokens to verify rather than to generate. Never changes the result.</summary>
    public int[] PredictedTokens { get; init; } = [];

    /// <summary>Strings that end the generation and are not part of the text; none is empty.</summary>
    public string[] Stop { get; init; } = [];

    /// <summary>
    /// What the text must look like; <see langword="null"/> = anything. It was checked with <see cref="InferenceEngine.CheckGrammar"/>. The end
    /// of turn is allowed exactly where the grammar's text may end, and the generation ends by itself where nothing else may follow.
    /// </summary>
    public GrammarDefinition? Grammar { get; init; }

    /// <summary>Whether end-of-generation tokens are kept as ordinary tokens, so that exactly <see cref="MaxTokens"/> are generated.</summary>
    public bool IgnoreEndOfGeneration { get; init; }

    /// <summary>Whether the cached prefix of an earlier request may be reused.</summary>
    public bool ReusePrefix { get; init; } = true;

    /// <summary>
    /// Whether the tokens may depend on nothing but the request. Its rows then run in forward calls of their own, in chunks that end at
    /// micro-batch multiples, and on no reused prefix, because rounding depends on what is computed together. Costs throughput.
    /// Not kept where the sequence had to be computed anew: after a preemption (shared cells only), a failed forward call, a resume.
    /// </summary>
    public bool Deterministic { get; init; }

    /// <summary>The class in which it waits.</summary>
    public RequestPriority Priority { get; init; } = RequestPriority.Default;

    /// <summary>Whose request it is: a hash of the client's key, never the key. Clients of one class share the engine in tokens.</summary>
    public string ClientKey { get; init; } = "";

    /// <summary>
    /// Longest time from admission to the end; <see langword="null"/> = any. Past it a request that has begun to answer ends with what it
    /// has (<see cref="FinishReason.Deadline"/>), another fails with <see cref="GenerationError.DeadlineExceeded"/>.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// Lengths of the prompt, ascending, at which later prompts are likely to part from this one (the end of the system text, of each turn): where
    /// a checkpoint of the sliding-window layers is useful. Hints only.
    /// </summary>
    public int[] CacheBoundaries { get; init; } = [];
}
