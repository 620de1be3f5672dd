using System.Text.Json;
using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Collects the names of given parameters that have no effect here, so that none is dropped silently.</summary>
internal sealed class IgnoredParameters
{
    /// <summary>A header carries these names: long lists are cut, and odd names are not repeated at all.</summary>
    private const int MaxNames = 32;

    private const int MaxNameLength = 64;

    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Names => [.. _names.Take(MaxNames)];

    /// <summary>The refusal of all of them, for a client that would rather not be ignored; null when there are none.</summary>
    public OpenAiError? Refusal => Names is [var first, ..]
        ? OpenAiError.UnsupportedParameter(first, $"'{string.Join("', '", Names)}' has no effect on this server.")
        : null;

    /// <summary>Adds the fields that carry a value; null means "not given" in OpenAI's protocol.</summary>
    public void AddAll(string prefix, IEnumerable<KeyValuePair<string, JsonElement>>? fields)
    {
        foreach (var (name, value) in fields ?? [])
            if (!value.IsNull()) Add(prefix + name);
    }

    /// <summary>Adds a name where something was given.</summary>
    public void AddIf(string name, bool given)
    {
        if (given) Add(name);
    }

    public void Add(string name) => _names.Add(IsPlain(name) ? name : "(unprintable)");

    private static bool IsPlain(string name) =>
        name.Length <= MaxNameLength && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '[' or ']');
}
