using System.Globalization;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Api;

/// <summary>Reads the fields of a query string; none is dropped silently.</summary>
internal sealed class QueryFields(HttpRequest request)
{
    private readonly FieldChecks _checks = new();
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public string? Text(string name)
    {
        _read.Add(name);
        return request.Query.TryGetValue(name, out var values) && values.ToString() is { Length: > 0 } value ? value : null;
    }

    public bool Flag(string name) => Word(name, "true", "false") == "true";

    public string? Word(string name, params string[] words)
    {
        var value = Text(name);
        _checks.Word(name, value, words);
        return value;
    }

    public int? Number(string name, int minimum, int maximum)
    {
        if (Text(name) is not { } text) return null;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return _checks.Integer(name, number, minimum, minimum, maximum);
        _checks.Add(OpenAiError.WrongType(name, "an integer", $"'{Excerpt.Of(text)}'"));
        return null;
    }

    public void Fail(string name, string message) => _checks.Add(OpenAiError.OutOfRange(name, message));

    /// <summary>Answers with the first fault, if there is one: then false. Else names the fields that have no effect.</summary>
    /// <param name="response">The answer.</param>
    public async ValueTask<bool> AcceptAsync(HttpResponse response)
    {
        var ignored = new IgnoredParameters();
        foreach (var name in request.Query.Keys)
            ignored.AddIf(name, !_read.Contains(name));
        if (ChatHeaders.IsStrict(request.Headers)) _checks.Add(ignored.Refusal);
        if (_checks.Error is { } error)
        {
            await response.WriteErrorAsync(error);
            return false;
        }

        response.NameIgnored(ignored.Names);
        return true;
    }
}
