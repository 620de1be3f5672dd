namespace Gemma3Server.Api.Errors;

/// <summary>A short, single-line piece of what the client sent, for use in a message.</summary>
internal static class Excerpt
{
    private const int MaxLength = 60;

    public static string Of(string text)
    {
        var line = text.Length > MaxLength ? string.Concat(text.AsSpan(0, MaxLength), "…") : text;
        return line.AsSpan().ContainsAnyInRange('\0', '\u001f') || line.Any(char.IsSurrogate)
            ? string.Concat(line.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))
            : line;
    }
}
