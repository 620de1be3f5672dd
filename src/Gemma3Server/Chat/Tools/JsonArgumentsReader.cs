using System.Text;

namespace Gemma3Server.Chat.Tools;

/// <summary>Reads a JSON object as it is, up to the bracket that closes it.</summary>
internal sealed class JsonArgumentsReader : IArgumentsReader
{
    private int _depth;
    private bool _inString;
    private bool _escaped;

    public bool Read(ReadOnlySpan<char> text, StringBuilder json, out int read)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!Closes(text[i])) continue;
            read = i + 1;
            json.Append(text[..read]);
            return true;
        }

        read = text.Length;
        json.Append(text);
        return false;
    }

    private bool Closes(char c)
    {
        if (_inString)
        {
            if (_escaped) _escaped = false;
            else if (c == '\\') _escaped = true;
            else if (c == '"') _inString = false;
            return false;
        }

        switch (c)
        {
            case '"':
                _inString = true;
                return false;
            case '{' or '[':
                _depth++;
                return false;
            case '}' or ']':
                return --_depth == 0;
            default:
                return false;
        }
    }
}
