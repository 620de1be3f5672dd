namespace Gemma3Server.Engine;

/// <summary>Settings of the engine.</summary>
public sealed record EngineOptions
{
    /// <summary>
    /// Most draft rows of a step, for which a runtime should reserve logits (<see cref="Gemma3Server.Runtime.RuntimeLimits.MaxLogitsRows"/>):
    /// with more, even a large GPU computes rather than reads weights.
    /// </summary>
    public const int MostDraftRows = 64;

    /// <summary>What the model is called in metrics and in the properties of log lines.</summary>
    public string Name { get; init; } = "";

    /// <summary>
    /// Requests that may wait for a sequence, besides those running; one more is refused with 429. Default 128: at 32 running
    /// streams that is four rounds of waiting, more than a person waits for.
    /// </summary>
    public int QueueLimit { get; init; } = 128;

    /// <summary>
    /// Most rows of one step, decode rows included; 0 = the runtime's micro batch, and a row for each sequence on top. Within this bound
    /// the budget of a step adapts, unless <see cref="AdaptiveBudget"/> is off.
    /// </summary>
    public int StepTokens { get; init; }

    /// <summary>
    /// Whether the prefill rows beside running streams are measured out so that the streams keep their pace. Off = always as many as
    /// <see cref="StepTokens"/> allows: long prompts are computed sooner, and every stream stands still meanwhile.
    /// </summary>
    public bool AdaptiveBudget { get; init; } = true;

    /// <summary>
    /// Mean time between two tokens of a stream while prompts are computed beside it, as a multiple of that without; at least 1. Default
    /// 2: a reader notices a pace halved hardly, and prompts get half of the time. Where a prompt is computed much faster in larger chunks, one
    /// step may take up to 2.5 times as long, or an eighth of a second, for which others take less.
    /// </summary>
    public double InterTokenFactor { get; init; } = 2;

    /// <summary>
    /// The longest time between two tokens in milliseconds, for each step; the smaller of the two bounds holds. 0 = none. Sixteen rows of a prompt, and
    /// <see cref="PrefillShare"/>, are given even where they take longer.
    /// </summary>
    public double InterTokenMilliseconds { get; init; }

    /// <summary>
    /// Part of a step's time that prefill gets at least, 0 to 0.9, even where that breaks the bounds above. Default 0.25: a bound that
    /// cannot be kept shall not stop the prompts.
    /// </summary>
    public double PrefillShare { get; init; } = 0.25;

    /// <summary>Whether a new request may continue on the KV that an earlier one left behind.</summary>
    public bool PrefixReuse { get; init; } = true;

    /// <summary>With whom <see cref="CheckpointBytes"/> and <see cref="HostCacheBytes"/> are shared; <see langword="null"/> = with nobody.</summary>
    public HostShares? HostShares { get; init; }

    /// <summary>
    /// Host memory for sliding-window checkpoints, in bytes; 0 = none. Such a checkpoint lets a new request go back behind a long answer
    /// without recomputing the conversation. Default 1 GiB: a checkpoint takes 11 MiB for 1B and 416 MiB for 27B.
    /// </summary>
    public long CheckpointBytes { get; init; } = 1L << 30;

    /// <summary>
    /// Most tokens of an answer for which shared cells must be free when its request begins; what is expected is the mean of the client's
    /// last answers. 0 = only what is known counts. Default 256: a usual answer. Longer ones would keep others waiting for cells that they
    /// may never take, and whoever grows beyond costs a copy to host memory and back, not its prompt.
    /// </summary>
    public int ReserveTokens { get; init; } = 256;

    /// <summary>
    /// Host memory for what no sequence id holds, in bytes; 0 = none: prefixes that others may continue, and, before them, running sequences
    /// that had to give up shared cells. Default 2 GiB: 2,000 tokens take 19 MiB for 1B and
    /// about 570 MiB for 27B, and bringing them back takes milliseconds where computing them takes seconds. Memory that the runtime keeps for the
    /// next snapshots counts within this and <see cref="CheckpointBytes"/>, which with 0 is none.
    /// </summary>
    public long HostCacheBytes { get; init; } = 2L << 30;

    /// <summary>
    /// Fewest tokens for which a prefix is copied from another sequence or from host memory, or waited for; a shorter one is computed.
    /// Default 64: a copy for 1B on a CPU takes 5 ms, less than a token; one for 27B on a GPU has 416 MiB of sliding-window state to move twice,
    /// some 80 ms or 100 tokens.
    /// </summary>
    public int ForkMinimumTokens { get; init; } = 64;

    /// <summary>
    /// Fewest tokens, held by nobody else, for which a prefix is moved to host memory. Default 256: the copy is made on the loop, beside running streams, for a
    /// return that may never come.
    /// </summary>
    public int HostMinimumTokens { get; init; } = 256;

    /// <summary>
    /// Where guesses at the next tokens come from, which are verified beside everyone else's tokens. Default auto: the text stays the same, and
    /// whatever does not pay at the present load is left out.
    /// </summary>
    public SpeculationMode Speculation { get; init; } = SpeculationMode.Auto;

    /// <summary>
    /// Most tokens of a draft. Default 31: a stream that copies then takes up to 32 tokens a step; where that does not pay, shorter drafts are
    /// chosen by what is measured.
    /// </summary>
    public int DraftTokens { get; init; } = 31;

    /// <summary>
    /// Fewest tokens that must agree before what followed them elsewhere is a guess. Default 3: two agree by chance in every other sentence.
    /// </summary>
    public int DraftMinimumMatch { get; init; } = 3;
}
