using Gemma3Server.Engine;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Chat.Tools;

/// <summary>Reads the text of one answer with what was generated along with it; without tools it is all text.</summary>
internal sealed class AnswerReader(ToolUse? tools)
{
    private readonly ToolCallParser? _parser = tools?.CreateParser();
    private readonly List<TokenLogProbs> _logProbs = [];

    /// <summary>Whether the answer ends with a call of a tool.</summary>
    public bool HasCalled => _parser?.HasCalled ?? false;

    /// <summary>What a text means; valid until the next call.</summary>
    public IReadOnlyList<AnswerPart> Append(GenerationEvent.Text text)
    {
        if (HasCalled || (_parser?.IsInCall ?? false)) _logProbs.Clear(); // of a call: log-probabilities are those of the content
        _logProbs.AddRange(text.LogProbs);
        return _parser is null ? [new AnswerPart.Content(text.Value)] : _parser.Append(text.Value);
    }

    /// <summary>What is left at the end.</summary>
    public IReadOnlyList<AnswerPart> End() => _parser?.End() ?? [];

    /// <summary>The log-probabilities of the tokens since the last time, for the content they came with.</summary>
    public IReadOnlyList<TokenLogProbs> TakeLogProbs()
    {
        TokenLogProbs[] taken = [.. _logProbs];
        _logProbs.Clear();
        return taken;
    }
}
