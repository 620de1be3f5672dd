using System.Threading.Channels;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Speculation;

namespace Gemma3Server.Engine.Text;

/// <summary>The way from a sequence's tokens to its events: bytes to characters, stop strings, then the channel to the reader.</summary>
/// <remarks>
/// Written by the engine loop, read by one reader. The channel is unbounded, so the loop never waits for a reader; the token limit bounds
/// it. Continuations of the reader never run on the loop, so that JSON is written elsewhere. Text and stop strings are decided on it, for the
/// next step must know who has ended; measured, they take 0.13 us a token with its event (TextBenchmarks), 4 us for 32 streams beside steps
/// of 5 ms on a GPU and 100 on a CPU: less than waking another thread for them would.
/// </remarks>
internal sealed class GenerationOutput(string[] stop)
{
    private readonly Detokenizer _detokenizer = new();
    private readonly StopStringMatcher _matcher = new(stop);
    private readonly Channel<GenerationEvent> _channel = Channel.CreateUnbounded<GenerationEvent>(
        new() { SingleReader = true, SingleWriter = true, AllowSynchronousContinuations = false });

    private PendingLogProbs? _logProbs;
    private int _decoded;
    private int _released;

    /// <summary>The reader's end.</summary>
    public ChannelReader<GenerationEvent> Events => _channel.Reader;

    /// <summary>Whether <see cref="Start"/> was called.</summary>
    public bool Started { get; private set; }

    /// <summary>The stop string that was met, if one was.</summary>
    public string? StopString => _matcher.Matched;

    /// <summary>Reports the computed prompt.</summary>
    public void Start(int promptTokens, int cachedTokens, CacheExplanation? cache = null)
    {
        Started = true;
        _channel.Writer.TryWrite(new GenerationEvent.Started(promptTokens, cachedTokens) { Cache = cache });
    }

    /// <summary>Adds the bytes of a token; true when they complete a stop string.</summary>
    /// <param name="piece">The bytes; maybe none.</param>
    /// <param name="mayStop">Whether stop strings count already; text of tokens before that is never a part of one.</param>
    /// <param name="logProbs">Of the token, where they are to be reported.</param>
    public bool Append(ReadOnlySpan<byte> piece, bool mayStop = true, TokenLogProbs? logProbs = null)
    {
        if (logProbs is not null) (_logProbs ??= new()).Add(_decoded, piece.IsEmpty, logProbs);
        if (piece.IsEmpty) return false;
        var text = _detokenizer.Append(piece);
        _decoded += text.Length;
        if (mayStop) return _matcher.Append(text);
        _matcher.Pass(text);
        return false;
    }

    /// <summary>Emits the text that has become final and returns it, or <see langword="null"/>.</summary>
    public string? Release(int tokens)
    {
        if (_matcher.Releasable.Length == 0) return null;
        var text = new string(_matcher.Releasable);
        DiscardReleasable();
        Emit(text, tokens);
        return text;
    }

    /// <summary>Drops text that was emitted before, in an earlier life of the request.</summary>
    public void DiscardReleasable()
    {
        _released += _matcher.Releasable.Length;
        _matcher.Take();
    }

    /// <summary>Emits what was held back, then the end.</summary>
    public void Finish(FinishReason reason, int tokens, Draft? draft = null)
    {
        // The replacement of an incomplete character could, in theory, be the end of a stop string.
        if (_matcher.Append(_detokenizer.Flush())) reason = FinishReason.Stop;
        else _matcher.End();
        if (Release(tokens) is null) Emit("", tokens);
        _channel.Writer.TryWrite(new GenerationEvent.Finished(reason, tokens, _matcher.Matched)
        {
            AcceptedPredictionTokens = draft?.AcceptedPredictions ?? 0,
            RejectedPredictionTokens = draft?.RejectedPredictions ?? 0,
        });
        _channel.Writer.TryComplete();
    }

    /// <summary>Ends with a failure.</summary>
    public void Fail(GenerationError error, string message)
    {
        _channel.Writer.TryWrite(new GenerationEvent.Failed(error, message));
        _channel.Writer.TryComplete();
    }

    /// <summary>Ends without a word: the reader has gone.</summary>
    public void Close() => _channel.Writer.TryComplete();

    private void Emit(string text, int tokens)
    {
        var logProbs = _logProbs?.Take(_released) ?? [];
        if (text.Length > 0 || logProbs.Count > 0) _channel.Writer.TryWrite(new GenerationEvent.Text(text, tokens) { LogProbs = logProbs });
    }
}
