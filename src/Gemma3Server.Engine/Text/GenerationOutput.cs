using System.Threading.Channels;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Text;

/// <summary>The way from a sequence's tokens to its events: the loop posts the tokens, and the reader makes text of them.</summary>
/// <remarks>
/// Written by the engine loop, read by one reader. The channel is unbounded, so the loop never waits for a reader; the token limit bounds
/// it. Continuations of the reader never run on the loop, so that text and JSON are made elsewhere. Only whether a stop string was met
/// is decided on the loop, see <see cref="StopStringWatch"/>.
/// </remarks>
internal sealed class GenerationOutput
{
    private readonly GenerationText _text;
    private readonly Channel<Emission> _channel = Channel.CreateUnbounded<Emission>(
        new() { SingleReader = true, SingleWriter = true, AllowSynchronousContinuations = false });

    public GenerationOutput(GenerationRequest request, ITokenizer tokenizer)
    {
        _text = new(request, tokenizer);
        Events = new GenerationEvents(_channel.Reader, _text);
    }

    /// <summary>The reader's end.</summary>
    public ChannelReader<GenerationEvent> Events { get; }

    /// <summary>Whether <see cref="Start"/> was called.</summary>
    public bool Started { get; private set; }

    /// <inheritdoc cref="GenerationText.DiscardReleasable"/>
    /// <remarks>Only before <see cref="Start"/>.</remarks>
    public void DiscardReleasable() => _text.DiscardReleasable();

    /// <summary>Reports the computed prompt.</summary>
    public void Start(int promptTokens, int cachedTokens, CacheExplanation? cache = null)
    {
        Started = true;
        Post(new GenerationEvent.Started(promptTokens, cachedTokens) { Cache = cache });
    }

    /// <summary>Adds a token of the text. Before <see cref="Start"/> nobody reads: it is one that a resumed request replays, and becomes text at once.</summary>
    /// <param name="token">The token.</param>
    /// <param name="isLast">Whether the generation ends with it.</param>
    /// <param name="logProbs">Of the token, where they are to be reported.</param>
    public void Append(int token, bool isLast, TokenLogProbs? logProbs = null)
    {
        if (Started) _channel.Writer.TryWrite(new(token, isLast, logProbs, null));
        else _text.Append(token, logProbs);
    }

    /// <summary>Emits what was held back, then the end.</summary>
    public void Finish(FinishReason reason, int tokens, Draft? draft = null)
    {
        Post(new GenerationEvent.Finished(reason, tokens)
        {
            AcceptedPredictionTokens = draft?.AcceptedPredictions ?? 0,
            RejectedPredictionTokens = draft?.RejectedPredictions ?? 0,
        });
        _channel.Writer.TryComplete();
    }

    /// <summary>Ends with a failure.</summary>
    public void Fail(GenerationError error, string message)
    {
        Post(new GenerationEvent.Failed(error, message));
        _channel.Writer.TryComplete();
    }

    /// <summary>Ends without a word: the reader has gone.</summary>
    public void Close() => _channel.Writer.TryComplete();

    private void Post(GenerationEvent occurrence) => _channel.Writer.TryWrite(new(0, false, null, occurrence));
}
