using System.Runtime.InteropServices;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>One request on its way through the engine: its tokens, how many of them are computed, and where its text goes.</summary>
/// <remarks>
/// Created on a request thread, then owned by the engine loop; only <see cref="Cancel"/> and the reading end of <see cref="Output"/> are
/// used by others. Prefill and decode are one thing: tokens beyond <see cref="Computed"/> are to be run, and the last one yields logits.
/// </remarks>
internal sealed class Sequence
{
    /// <summary>No sequence id.</summary>
    public const int None = -1;

    /// <summary>Room for the completion at the start; longer ones grow.</summary>
    private const int InitialCompletion = 1024;

    private readonly StopStringWatch? _stopStrings;
    private readonly int _contextLength;
    private readonly int[] _endTokens;
    private readonly List<int> _tokens;
    private Action? _onCancel;
    private CancellationTokenRegistration _registration;
    private volatile bool _cancelled;
    private volatile int _position;

    /// <summary>Takes a request; tokens that were emitted before are replayed, so that text and stop strings continue where they were.</summary>
    public Sequence(GenerationRequest request, ITokenizer tokenizer, int contextLength, long arrivedAt = 0, Grammar? grammar = null)
    {
        // Rounding depends on how a prefix was computed; whoever asks for the same tokens always computes it anew.
        Request = request.Deterministic && request.ReusePrefix ? request with { ReusePrefix = false } : request;
        ArrivedAt = arrivedAt;
        _stopStrings = request.Stop.Length > 0 ? new(request.Stop, tokenizer) : null;
        _contextLength = contextLength;
        _tokens = new(request.PromptTokens.Length + Math.Min(request.MaxTokens, InitialCompletion));
        _tokens.AddRange(request.PromptTokens);
        _endTokens = request.IgnoreEndOfGeneration ? request.StopTokens : [.. tokenizer.EndOfGeneration, .. request.StopTokens];
        Sampler = new(request.Sampling, request.PromptTokens, request.MinTokens, _endTokens)
        {
            Matcher = grammar is null ? null : new(grammar, endsCount: !request.IgnoreEndOfGeneration),
        };
        Output = new(request, tokenizer);
        foreach (var token in request.EmittedTokens)
        {
            ReplayEnd ??= Accept(token);
            _ = Forced; // so that a run that it begins is known
        }

        Output.DiscardReleasable();
        while (request.EmittedTokens.Length > 0 && ReplayEnd is null && Forced is [var forced, ..]) ReplayEnd = Accept(forced);
    }

    public GenerationRequest Request { get; }

    public Sampler Sampler { get; }

    /// <summary>Where it stands in its grammar, if it has one.</summary>
    public GrammarMatcher? Matcher => Sampler.Matcher;

    /// <summary>
    /// Tokens that its grammar leaves no choice about, to be appended without sampling; none where log-probabilities are asked for, which
    /// only a sampled token has.
    /// </summary>
    public ReadOnlySpan<int> Forced => Matcher is null || Request.TopLogProbs is not null ? [] : Matcher.Forced;

    /// <summary>Tokens that are guessed to follow, to be verified by a step.</summary>
    public Draft Draft { get; } = new();

    public GenerationOutput Output { get; }

    /// <summary>Why the replayed tokens were the whole generation already, if they were.</summary>
    public FinishReason? ReplayEnd { get; }

    /// <summary>Order of arrival, given by the scheduler.</summary>
    public long Number { get; set; }

    public SequenceState State { get; set; }

    /// <summary>The runtime's sequence id while running, else <see cref="None"/>.</summary>
    public int Id { get; set; } = None;

    /// <summary>Prompt and completion.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    public int Count => _tokens.Count;

    public int PromptLength => Request.PromptTokens.Length;

    /// <summary>Tokens generated so far, replayed ones included.</summary>
    public int Generated => _tokens.Count - PromptLength;

    /// <summary>Tokens whose KV the runtime holds; equal to the runtime's length of <see cref="Id"/> between steps.</summary>
    public int Computed { get; set; }

    /// <summary>Tokens that have to be run before the next logits.</summary>
    public int Pending => _tokens.Count - Computed;

    /// <summary>Prompt tokens taken from a cached prefix.</summary>
    public int CachedTokens { get; set; }

    /// <summary>What the cache did for it, and why no more.</summary>
    public CacheExplanation CacheExplanation { get; set; } = new(0, CacheSource.None, 0, CacheMiss.NeverSeen);

    /// <summary>A running sequence that is computing the beginning of this one, which waits for it.</summary>
    public Sequence? Donor { get; private set; }

    /// <summary>How much of this one the donor will have.</summary>
    public int DonorLength { get; private set; }

    /// <summary>Times it has waited for a donor.</summary>
    public int Waits { get; private set; }

    public long ArrivedAt { get; }

    /// <summary>When the newest token was sampled; 0 before the first.</summary>
    public long LastTokenAt { get; set; }

    /// <summary>Timestamp past which the sequence ends.</summary>
    public long Deadline { get; init; } = long.MaxValue;

    /// <summary>Place in the queue, 1 = next; 0 = not waiting. Written by the engine loop, readable from any thread.</summary>
    public int Position
    {
        get => _position;
        set => _position = value;
    }

    /// <summary>Virtual time of the client at which it is this sequence's turn; given by its <see cref="ClassQueue"/>.</summary>
    public double Tag { get; set; }

    /// <summary>Tokens that its client was charged for when it arrived, by estimate.</summary>
    public int Charged { get; set; }

    /// <summary>Length of the answer that is expected of its client; given by its <see cref="ClassQueue"/>.</summary>
    public int ExpectedTokens { get; set; }

    /// <summary>Its state in host memory while it is <see cref="SequenceState.Preempted"/>; none = it will be computed again.</summary>
    public SequenceSnapshot? Swapped { get; set; }

    /// <summary>Times it gave up its cells.</summary>
    public int Preemptions { get; set; }

    /// <summary>The last step with rows of this sequence; kept for deterministic ones only, which take turns.</summary>
    public long LastStep { get; set; }

    public bool IsCancelled => _cancelled;

    /// <summary>Most tokens this sequence can still generate.</summary>
    public int Remaining => Math.Min(Request.MaxTokens - Generated, _contextLength - Count);

    /// <summary>Ties the sequence to its client: when the token fires, <paramref name="onCancel"/> runs on the thread that fired it.</summary>
    public void Bind(Action onCancel, CancellationToken cancellationToken)
    {
        _onCancel = onCancel;
        _registration = cancellationToken.UnsafeRegister(static state => ((Sequence)state!).Cancel(), this);
    }

    /// <summary>Asks the loop to end the sequence at its next step. Thread-safe, may be repeated, harmless after the end.</summary>
    public void Cancel()
    {
        if (_cancelled || State == SequenceState.Finished) return;
        _cancelled = true;
        _onCancel?.Invoke();
    }

    /// <summary>Waits until another has computed what both begin with.</summary>
    public void WaitFor(Sequence donor, int length)
    {
        if (Donor != donor || DonorLength != length) Waits++;
        Donor = donor;
        DonorLength = length;
    }

    /// <summary>Waits for nobody.</summary>
    public void StopWaiting() => Donor = null;

    /// <summary>Appends a generated token; returns why the generation ends with it, or <see langword="null"/>.</summary>
    public FinishReason? Accept(int token, TokenLogProbs? logProbs = null)
    {
        _tokens.Add(token);
        if (Sampler.Accepted < Generated) Sampler.Accept(token); // a draft that held has been counted as it was verified
        if (Generated > Request.MinTokens && EndsWith(token)) return FinishReason.Stop;
        var end = EndAfter(token);
        Output.Append(token, isLast: end is not null, logProbs);
        return end;
    }

    /// <summary>Lets go of the client's token; never waits for a callback that is running.</summary>
    public void Unbind() => _registration.Unregister();

    /// <summary>Whether a token ends a generation, whatever its text.</summary>
    public bool EndsWith(int token) => Array.IndexOf(_endTokens, token) >= 0;

    private FinishReason? EndAfter(int token)
    {
        if (_stopStrings is not null && _stopStrings.Append(token, Generated >= Request.MinTokens)) return FinishReason.Stop;
        if (Matcher is { IsComplete: true } && Sampler.Accepted == Generated) return FinishReason.Stop;
        return Remaining > 0 ? null : FinishReason.Length;
    }
}
