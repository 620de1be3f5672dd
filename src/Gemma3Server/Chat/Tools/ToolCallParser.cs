using System.Text;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>Splits the text of an answer, as it comes, into text for the reader and calls of tools.</summary>
/// <remarks>
/// Text is held back only while it may be the beginning of a call, or white space or a fence before one. Nothing of a call's markup is shown, nor
/// what a model writes behind its last call, which the grammar keeps down to closing brackets. Where an answer without calls has a form of its own,
/// only one that begins as calls are written is calls, whatever the other form contains. Not thread-safe; one for each answer.
/// </remarks>
internal sealed class ToolCallParser
{
    private readonly ToolUse _tools;
    private readonly CallHeader _header;
    private readonly List<AnswerPart> _parts = [];
    private readonly StringBuilder _json = new();
    private string _held = "";
    private int _calls;
    private bool _isText;
    private IArgumentsReader? _arguments;

    public ToolCallParser(ToolUse tools)
    {
        _tools = tools;
        _header = new(tools.Form, [.. tools.Callable.Select(tool => tool.Name)]);
    }

    /// <summary>Whether the answer has called tools, and the last call's arguments are whole.</summary>
    public bool HasCalled => _calls > 0 && _arguments is null;

    /// <summary>Whether a call's arguments are not whole yet.</summary>
    public bool IsInCall => _arguments is not null;

    /// <summary>Takes more of the answer; the result is valid until the next call.</summary>
    public IReadOnlyList<AnswerPart> Append(string text)
    {
        _parts.Clear();
        var rest = _held.Length > 0 ? _held + text : text;
        _held = "";
        while (rest.Length > 0) rest = _arguments is { } arguments ? ReadArguments(arguments, rest) : ReadText(rest);
        return _parts;
    }

    /// <summary>Ends the answer: gives what was held back, unless it is the beginning of a call that has been cut off.</summary>
    public IReadOnlyList<AnswerPart> End()
    {
        _parts.Clear();
        if (_arguments is not null || _held.Length == 0) return _parts;
        _header.Match(_held, _calls == 0, out _, out var name);

        // Where an answer without calls has another form, a known name alone does not make a call.
        if (name is not null && _tools.Otherwise is null) Begin(name);
        else if (_calls == 0 && !_tools.Required) _parts.Add(new AnswerPart.Content(_held));
        _held = "";
        return _parts;
    }

    /// <summary>Reads text up to the next call; returns what follows, and holds back what may be a call's beginning.</summary>
    private string ReadText(string text)
    {
        var isEither = _tools.Otherwise is not null && _calls == 0;
        for (var start = 0; start < (isEither ? 1 : text.Length) && !_isText; start++)
        {
            if (isEither ? text[start] != (_tools.Form == ToolCallForm.Json ? '{' : '[') : !MayBegin(text[start])) continue;
            var fit = _header.Match(text.AsSpan(start), _calls == 0, out var length, out var name);
            if (fit == CallHeader.Fit.None) continue;
            Show(text[..start]);
            if (fit == CallHeader.Fit.Begun)
            {
                _held = text[start..];
                return "";
            }

            Begin(name!);
            return text[(start + length)..];
        }

        _isText |= isEither;
        Show(text);
        return "";
    }

    private string ReadArguments(IArgumentsReader arguments, string text)
    {
        _json.Clear();
        var ended = arguments.Read(text, _json, out var read);
        if (_json.Length > 0) _parts.Add(new AnswerPart.Arguments(_calls - 1, _json.ToString()));
        if (ended)
        {
            _arguments = null;
            _parts.Add(new AnswerPart.CallEnd(_calls - 1));
        }

        return text[read..];
    }

    private void Show(string text)
    {
        if (text.Length > 0 && _calls == 0) _parts.Add(new AnswerPart.Content(text));
    }

    private void Begin(string name)
    {
        _parts.Add(new AnswerPart.CallBegin(_calls++, $"call_{Guid.NewGuid():N}", name));
        _arguments = _tools.Form == ToolCallForm.Json ? new JsonArgumentsReader() : new KeywordArgumentsReader();
    }

    private static bool MayBegin(char c) => c is '{' or '[' or '`' or ',' || char.IsWhiteSpace(c);
}
