namespace Gemma3Server.Chat;

/// <summary>Text operations as Python defines them, in which the published template is run.</summary>
internal static class PythonText
{
    /// <summary>
    /// <c>str.strip()</c>. Python's whitespace is .NET's plus the four separators U+001C to U+001F; neither counts U+FEFF.
    /// </summary>
    public static string Strip(string text)
    {
        var start = 0;
        var end = text.Length;
        while (start < end && IsSpace(text[start])) start++;
        while (end > start && IsSpace(text[end - 1])) end--;
        return text[start..end];
    }

    private static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001c' and <= '\u001f';
}
