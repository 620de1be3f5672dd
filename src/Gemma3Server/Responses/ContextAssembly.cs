using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;

namespace Gemma3Server.Responses;

/// <summary>Puts together what the model is to see: the instructions, the conversation that is continued, and the new input.</summary>
internal sealed class ContextAssembly(ResponseStore store)
{
    /// <summary>The messages, and the new input as items of the response <paramref name="id"/>; or why there are none.</summary>
    public async Task<(List<ChatEntry> Entries, List<ResponseItem> Input, OpenAiError? Error)> AssembleAsync(
        string id, ResponseRequest request, IReadOnlyList<InputPart> parts, string owner)
    {
        var (entries, input) = (new List<ChatEntry>(), new List<ResponseItem>());
        if (request.Instructions is { Length: > 0 } instructions) entries.Add(new(ChatRole.System, [instructions]));
        if (request.PreviousResponseId is { } previous)
        {
            var chain = await store.FindChainAsync(previous, owner);
            if (FindFault(previous, chain) is { } fault) return (entries, input, fault);
            entries.AddRange(chain.SelectMany(earlier => earlier.Input.Concat(earlier.Body.Output)).Select(ToEntry));
        }

        foreach (var part in parts)
        {
            var itemId = ResponseId.OfInput(id, input.Count);
            var item = part.Reference is { } reference ? await FindItemAsync(reference, owner) : part.ToItem(itemId);
            if (item is null)
                return (entries, input, OpenAiError.Invalid($"{part.Name}.id", $"Item with id '{Excerpt.Of(part.Reference!)}' not found.", "item_not_found"));
            input.Add(item with { Id = itemId });
            entries.Add(ToEntry(item));
        }

        return (entries, input, FindFault(entries, parts));
    }

    private async Task<ResponseItem?> FindItemAsync(string id, string owner)
    {
        if (!ResponseId.TryOfItem(id, out var response) || await store.FindAsync(response, owner) is not { } stored) return null;
        return stored.Input.Concat(stored.Body.Output).FirstOrDefault(item => item.Id == id);
    }

    private static ChatEntry ToEntry(ResponseItem item) => new(
        item.Role switch
        {
            "assistant" => ChatRole.Assistant,
            "user" => ChatRole.User,
            _ => ChatRole.System,
        },
        [.. item.Content.Select(part => part.Text)]);

    private static OpenAiError? FindFault(string previous, List<StoredResponse> chain)
    {
        const string Param = "previous_response_id";
        if (chain.Count == 0)
            return OpenAiError.Invalid(Param, $"Previous response with id '{Excerpt.Of(previous)}' not found.", "previous_response_not_found");
        if (ResponseStatus.IsRunning(chain[^1].Body.Status))
            return OpenAiError.OutOfRange(Param, $"The response '{previous}' has not ended yet; it is {chain[^1].Body.Status}.");
        return chain[0].Body.PreviousResponseId is { } missing
            ? OpenAiError.Invalid(Param,
                $"The response '{previous}' continues '{missing}', which is not stored any more.", "previous_response_not_found")
            : null;
    }

    /// <summary>What Gemma's template cannot take. What is continued has been checked before.</summary>
    private static OpenAiError? FindFault(List<ChatEntry> entries, IReadOnlyList<InputPart> parts)
    {
        if (parts.Count == 0) return OpenAiError.OutOfRange("input", "'input' must have at least 1 message.");
        if (entries[^1].Role == ChatRole.Assistant) return Fault(parts[^1].Name, "end");
        var start = entries.FindIndex(entry => entry.Role != ChatRole.System);
        return start >= 0 && entries[start].Role == ChatRole.Assistant
            ? Fault(parts[Math.Max(0, start - (entries.Count - parts.Count))].Name, "start")
            : null;
    }

    private static OpenAiError Fault(string name, string where) =>
        OpenAiError.OutOfRange(name, $"The conversation must {where} with a user message, but '{name}' is of the assistant.");
}
