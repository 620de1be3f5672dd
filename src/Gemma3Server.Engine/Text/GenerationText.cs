using Gemma3Server.Engine.Sampling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Text;

/// <summary>The text of one generation as its tokens come: bytes to characters, less what is or may become a stop string.</summary>
/// <remarks>Used by the reader alone, once there is one; before, a resumed request's tokens are replayed into it.</remarks>
internal sealed class GenerationText(GenerationRequest request, ITokenizer tokenizer)
{
    private readonly Detokenizer _detokenizer = new();
    private readonly StopStringMatcher _matcher = new(request.Stop);
    private PendingLogProbs? _logProbs;
    private int _tokens;
    private int _decoded;
    private int _released;

    /// <summary>Adds the next token.</summary>
    public void Append(int token, TokenLogProbs? logProbs)
    {
        _tokens++;
        var piece = tokenizer.Piece(token).Span;
        if (logProbs is not null) (_logProbs ??= new()).Add(_decoded, piece.IsEmpty, logProbs);
        if (piece.IsEmpty) return;
        var text = _detokenizer.Append(piece);
        _decoded += text.Length;
        if (_tokens >= request.MinTokens) _matcher.Append(text);
        else _matcher.Pass(text);
    }

    /// <summary>Takes the text that has become final, if there is any.</summary>
    public GenerationEvent.Text? Release() => Release(_tokens);

    /// <summary>Drops text that was emitted before, in an earlier life of the request.</summary>
    public void DiscardReleasable()
    {
        _released += _matcher.Releasable.Length;
        _matcher.Take();
    }

    /// <summary>Ends the text: takes what was held back, if anything is left to tell, and completes the end's event.</summary>
    public GenerationEvent.Text? Finish(ref GenerationEvent.Finished finished)
    {
        // The replacement of an incomplete character could, in theory, be the end of a stop string.
        if (_matcher.Append(_detokenizer.Flush())) finished = finished with { Reason = FinishReason.Stop, StopString = _matcher.Matched };
        else _matcher.End();
        return Release(finished.CompletionTokens) ?? Text("", finished.CompletionTokens);
    }

    private GenerationEvent.Text? Release(int tokens)
    {
        if (_matcher.Releasable.Length == 0) return null;
        var text = new string(_matcher.Releasable);
        DiscardReleasable();
        return Text(text, tokens);
    }

    private GenerationEvent.Text? Text(string text, int tokens)
    {
        var logProbs = _logProbs?.Take(_released) ?? [];
        return text.Length > 0 || logProbs.Count > 0 ? new(text, tokens) { LogProbs = logProbs } : null;
    }
}
