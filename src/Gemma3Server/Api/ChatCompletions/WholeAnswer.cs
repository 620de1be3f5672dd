using System.Text;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Collects one answer.</summary>
internal sealed class WholeAnswer(ToolUse? tools)
{
    private readonly AnswerReader _reader = new(tools);
    private readonly StringBuilder _generated = new();
    private readonly StringBuilder _content = new();
    private readonly List<(string Id, string Name, StringBuilder Arguments)> _calls = [];
    private readonly List<TokenLogProbs> _logProbs = [];

    /// <summary>All that was generated, markup included.</summary>
    public string Text => _generated.ToString();

    /// <summary>What is reported of the tokens of the content.</summary>
    public IReadOnlyList<TokenLogProbs> LogProbs => _logProbs;

    /// <summary>The message.</summary>
    public AssistantMessage Message => _calls.Count == 0
        ? new("assistant", _content.ToString(), null)
        : new("assistant", _content.Length > 0 ? _content.ToString() : null, null,
            [.. _calls.Select(call => new ToolCall(call.Id, "function", new(call.Name, call.Arguments.ToString())))]);

    public void Append(GenerationEvent.Text text)
    {
        _generated.Append(text.Value);
        Add(_reader.Append(text));
    }

    /// <summary>Ends the answer; whether it ends with a call of a tool.</summary>
    public bool End()
    {
        Add(_reader.End());
        return _reader.HasCalled;
    }

    private void Add(IReadOnlyList<AnswerPart> parts)
    {
        foreach (var part in parts)
        {
            switch (part)
            {
                case AnswerPart.Content content:
                    _content.Append(content.Text);
                    _logProbs.AddRange(_reader.TakeLogProbs());
                    break;
                case AnswerPart.CallBegin call:
                    _calls.Add((call.Id, call.Name, new()));
                    break;
                case AnswerPart.Arguments arguments:
                    _calls[arguments.Index].Arguments.Append(arguments.Json);
                    break;
            }
        }
    }
}
