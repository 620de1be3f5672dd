using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Responses;

/// <summary>Makes messages of items: neighbouring calls are one answer, and their outputs one turn of the user.</summary>
internal sealed class ItemEntries(ToolCallForm form, List<ChatEntry> entries)
{
    private readonly ToolHistory _tools = new(form, ToolShape.Flat);
    private readonly List<(string Id, string Name, string Arguments)> _calls = [];
    private string _place = "";
    private bool _afterAnswer;

    /// <summary>Adds an item; returns what is wrong with it.</summary>
    /// <param name="item">The item.</param>
    /// <param name="place">Where it stands in the request.</param>
    public OpenAiError? Add(ResponseItem item, string place)
    {
        switch (item.Type)
        {
            case ResponseItem.FunctionCall:
                if (_tools.MissingResult() is { } open) return open;
                if (_calls.Count == 0) _place = place;
                _calls.Add((item.CallId!, item.Name!, item.Arguments!));
                return null;
            case ResponseItem.FunctionCallOutput:
                var error = EndCalls();
                if (error is not null || !_tools.TryTake(item.CallId!, PythonText.Strip(item.Output!), place, out var results, out error)) return error;
                foreach (var result in results ?? []) entries.Add(new(ChatRole.User, [result]) { IsResult = true });
                return null;
            default:
                if ((EndCalls() ?? _tools.MissingResult()) is { } missing) return missing;
                _tools.Close();
                var role = item.Role switch { "assistant" => ChatRole.Assistant, "user" => ChatRole.User, _ => ChatRole.System };
                entries.Add(new(role, [.. item.Content!.Select(part => part.Text)]));
                _afterAnswer = role == ChatRole.Assistant;
                return null;
        }
    }

    /// <summary>Ends the conversation; returns what is missing.</summary>
    public OpenAiError? End() => EndCalls() ?? _tools.MissingResult();

    private OpenAiError? EndCalls()
    {
        if (_calls.Count == 0) return null;
        var text = _tools.Begin(_calls, _place);
        _calls.Clear();
        if (text is null) return OpenAiError.OutOfRange(_place, $"'{_place}' and the calls behind it must have different values of 'call_id'.");

        // What an answer says before its calls stands in the same turn, as it was generated.
        if (_afterAnswer && string.Concat(entries[^1].Parts.Select(PythonText.Strip)) is { Length: > 0 } said) entries[^1] = new(ChatRole.Assistant, [$"{said}\n{text}"]);
        else entries.Add(new(ChatRole.Assistant, [text]));
        _afterAnswer = false;
        return null;
    }
}
