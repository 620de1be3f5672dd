using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>
/// Calls and results in the messages of a request: each result belongs to a call of the answer before it, and all calls have one before anybody
/// else speaks, as OpenAI demands. Since the prompt has no ids, results come in the order of their calls.
/// </summary>
internal sealed class ToolHistory(ToolCallForm form, ToolShape shape = ToolShape.Nested)
{
    private readonly List<(string Id, string? Result)> _calls = [];
    private string _place = "";
    private int _missing;

    private string Id => shape == ToolShape.Nested ? "tool_call_id" : "call_id";

    /// <summary>The fault of a message, or of the end of all, where a result is missing.</summary>
    public OpenAiError? MissingResult() => _missing == 0 ? null : OpenAiError.OutOfRange(
        _place,
        $"'{_place}' must be followed by {(shape == ToolShape.Nested ? "messages of the role 'tool'" : "items of the type 'function_call_output'")}, one for each call, but the result of '{Excerpt.Of(_calls.First(call => call.Result is null).Id)}' is missing.");

    /// <summary>Takes the calls of an answer.</summary>
    /// <param name="value">The field <c>tool_calls</c>.</param>
    /// <param name="name">Its place.</param>
    /// <param name="text">The calls as the model wrote them.</param>
    /// <param name="error">What is wrong.</param>
    public bool TryBegin(JsonElement value, string name, [NotNullWhen(true)] out string? text, [NotNullWhen(false)] out OpenAiError? error)
    {
        (text, error) = (null, null);
        (_place, _missing) = (name, 0);
        _calls.Clear();
        if (value.ValueKind != JsonValueKind.Array)
        {
            error = OpenAiError.WrongType(name, "an array", value.Describe());
            return false;
        }

        var ids = new HashSet<string>(StringComparer.Ordinal);
        var calls = new List<(string, string)>();
        foreach (var (index, call) in value.EnumerateArray().Index())
        {
            if (!TryCall(call, $"{name}[{index}]", out var id, out var function, out error)) return false;
            if (!ids.Add(id))
            {
                error = OpenAiError.OutOfRange($"{name}[{index}].id", $"'{name}[{index}].id' is '{Excerpt.Of(id)}', which an earlier call has already.");
                return false;
            }

            _calls.Add((id, null));
            calls.Add(function);
        }

        _missing = _calls.Count;
        text = ToolFormat.Calls(form, calls);
        return true;
    }

    /// <summary>Takes the calls of an answer, which are known to be right by themselves; null when two have the same id.</summary>
    /// <param name="calls">The calls.</param>
    /// <param name="place">Where they stand.</param>
    public string? Begin(IReadOnlyList<(string Id, string Name, string Arguments)> calls, string place)
    {
        (_place, _missing) = (place, calls.Count);
        _calls.Clear();
        _calls.AddRange(calls.Select(call => (call.Id, (string?)null)));
        return calls.DistinctBy(call => call.Id).Count() == calls.Count ? ToolFormat.Calls(form, [.. calls.Select(call => (call.Name, call.Arguments))]) : null;
    }

    /// <summary>Takes the result of a call.</summary>
    /// <param name="id">The call's id.</param>
    /// <param name="result">The text.</param>
    /// <param name="name">The place of the message.</param>
    /// <param name="results">All results, in the order of the calls, once the last one is there; else null.</param>
    /// <param name="error">What is wrong.</param>
    public bool TryTake(string id, string result, string name, out IReadOnlyList<string>? results, [NotNullWhen(false)] out OpenAiError? error)
    {
        (results, error) = (null, null);
        var index = _calls.FindIndex(call => call.Id == id);
        if (index < 0 || _calls[index].Result is not null)
        {
            error = OpenAiError.OutOfRange(
                $"{name}.{Id}",
                $"'{name}.{Id}' is '{Excerpt.Of(id)}', but " + (index >= 0
                    ? "that call has a result already."
                    : _calls.Count == 0 ? "there are no calls before it." : "the calls before it have no such id."));
            return false;
        }

        _calls[index] = (id, ToolFormat.Result(result));
        if (--_missing == 0) results = [.. _calls.Select(call => call.Result!)];
        return true;
    }

    /// <summary>Forgets calls: results of theirs cannot come any more.</summary>
    public void Close() => _calls.Clear();

    private static bool TryCall(
        JsonElement call, string name, [NotNullWhen(true)] out string? id, out (string Name, string Arguments) function, [NotNullWhen(false)] out OpenAiError? error)
    {
        (id, function) = (null, default);
        var type = "function";
        error = call.ValueKind != JsonValueKind.Object ? OpenAiError.WrongType(name, "an object", call.Describe())
            : call.TryGetProperty("type", out var kind) && !kind.IsNull() ? Text(call, "type", name, out type) : null;
        if (error is not null) return false;
        if (type != "function")
        {
            error = OpenAiError.UnsupportedValue($"{name}.type", $"'{name}.type' must be 'function' on this server, but is '{Excerpt.Of(type!)}'.");
            return false;
        }

        error = Text(call, "id", name, out id);
        if (error is not null) return false;
        var at = $"{name}.function";
        if (!call.TryGetProperty("function", out var body) || body.IsNull()) error = OpenAiError.Missing(at);
        else if (body.ValueKind != JsonValueKind.Object) error = OpenAiError.WrongType(at, "an object", body.Describe());
        else if ((error = Text(body, "name", at, out var functionName) ?? Text(body, "arguments", at, out function.Arguments!)) is null)
        {
            if (!ToolReader.IsName(functionName!)) error = OpenAiError.OutOfRange($"{at}.name", ToolReader.NameFault($"{at}.name", functionName!));
            function.Name = functionName!;
        }

        return error is null && id is not null;
    }

    private static OpenAiError? Text(JsonElement parent, string field, string name, out string? text)
    {
        text = null;
        if (!parent.TryGetProperty(field, out var value) || value.IsNull()) return OpenAiError.Missing($"{name}.{field}");
        return value.TryGetText(out text) ? null : OpenAiError.WrongType($"{name}.{field}", "a string", value.Describe());
    }
}
