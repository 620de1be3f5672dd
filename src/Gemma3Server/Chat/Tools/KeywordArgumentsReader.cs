using System.Text;

namespace Gemma3Server.Chat.Tools;

/// <summary>Reads the keyword arguments of a Python call, up to its closing parenthesis, and makes a JSON object of them.</summary>
/// <remarks>Strings are written as in JSON: the grammar of the answer leaves no other way.</remarks>
internal sealed class KeywordArgumentsReader : IArgumentsReader
{
    private readonly StringBuilder _word = new();
    private int _depth;
    private bool _begun;
    private bool _inValue;
    private bool _inString;
    private bool _escaped;

    public bool Read(ReadOnlySpan<char> text, StringBuilder json, out int read)
    {
        if (!_begun)
        {
            json.Append('{');
            _begun = true;
        }

        for (read = 0; read < text.Length;)
        {
            var c = text[read++];
            if (_inString) ReadInString(c, json);
            else if (_inValue) ReadInValue(c, json);
            else if (c == '=')
            {
                json.Append('"').Append(_word).Append("\": ");
                _word.Clear();
                _inValue = true;
            }
            else if (c == ')') _depth = -1; // no arguments
            else if (char.IsAsciiLetterOrDigit(c) || c == '_') _word.Append(c);

            if (c != ')' || _inString || _depth >= 0) continue;
            json.Append('}');
            return true;
        }

        return false;
    }

    private void ReadInString(char c, StringBuilder json)
    {
        json.Append(c);
        if (_escaped) _escaped = false;
        else if (c == '\\') _escaped = true;
        else if (c == '"') _inString = false;
    }

    private void ReadInValue(char c, StringBuilder json)
    {
        // Numbers pass as they are: their only letter is the exponent's, which comes behind a digit.
        if (char.IsAsciiLetter(c) && (_word.Length > 0 || c is 'T' or 'F' or 'N'))
        {
            _word.Append(c);
            return;
        }

        EndWord(json);
        switch (c)
        {
            case '"':
                _inString = true;
                json.Append(c);
                break;
            case '{' or '[':
                _depth++;
                json.Append(c);
                break;
            case '}' or ']':
                _depth--;
                json.Append(c);
                break;
            case ')':
                _depth = -1;
                break;
            case ',' when _depth == 0:
                _inValue = false;
                json.Append(", ");
                break;
            default:
                if (_depth > 0 || !char.IsWhiteSpace(c)) json.Append(c);
                break;
        }
    }

    private void EndWord(StringBuilder json)
    {
        if (_word.Length == 0) return;
        var word = _word.ToString();
        json.Append(word switch { "True" => "true", "False" => "false", "None" => "null", _ => word });
        _word.Clear();
    }
}
