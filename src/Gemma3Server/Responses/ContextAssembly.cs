using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Responses;

/// <summary>Puts together what the model is to see: the instructions, the conversation that is continued, and the new input.</summary>
internal sealed class ContextAssembly(ResponseStore store, ToolCallForm form)
{
    /// <summary>The messages, and the new input as items of the response <paramref name="id"/>; or why there are none.</summary>
    public async Task<(List<ChatEntry> Entries, List<ResponseItem> Input, OpenAiError? Error)> AssembleAsync(
        string id, ResponseRequest request, IReadOnlyList<InputPart> parts, string owner)
    {
        var (entries, input) = (new List<ChatEntry>(), new List<ResponseItem>());
        if (request.Instructions is { Length: > 0 } instructions) entries.Add(new(ChatRole.System, [instructions]));
        var reader = new ItemEntries(form, entries);
        if (request.PreviousResponseId is { } previous)
        {
            var chain = await store.FindChainAsync(previous, owner);
            if (FindFault(previous, chain) is { } fault) return (entries, input, fault);
            foreach (var earlier in chain.SelectMany(earlier => earlier.Input.Concat(earlier.Body.Output)))
                if (reader.Add(earlier, "previous_response_id") is { } unusable) return (entries, input, unusable);
        }

        foreach (var part in parts)
        {
            var item = part.Reference is { } reference ? await FindItemAsync(reference, owner) : part.ToItem("");
            if (item is null)
                return (entries, input, OpenAiError.Invalid($"{part.Name}.id", $"Item with id '{Excerpt.Of(part.Reference!)}' not found.", "item_not_found"));
            input.Add(item with { Id = ResponseId.OfInput(id, input.Count, item.Type) });
            if (reader.Add(item, part.Name) is { } wrong) return (entries, input, wrong);
        }

        return (entries, input, reader.End() ?? FindFault(entries, parts, request.Instructions is { Length: > 0 } ? 1 : 0));
    }

    private async Task<ResponseItem?> FindItemAsync(string id, string owner)
    {
        if (!ResponseId.TryOfItem(id, out var response) || await store.FindAsync(response, owner) is not { } stored) return null;
        return stored.Input.Concat(stored.Body.Output).FirstOrDefault(item => item.Id == id);
    }

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
    private static OpenAiError? FindFault(List<ChatEntry> entries, IReadOnlyList<InputPart> parts, int instructions)
    {
        if (parts.Count == 0) return OpenAiError.OutOfRange("input", "'input' must have at least 1 message.");
        if (entries[^1].Role == ChatRole.Assistant) return Fault(parts[^1].Name, "end");
        var start = entries.FindIndex(entry => entry.Role != ChatRole.System);
        return start >= 0 && entries[start].Role == ChatRole.Assistant
            ? Fault(parts[Math.Clamp(start - instructions, 0, parts.Count - 1)].Name, "start")
            : null;
    }

    private static OpenAiError Fault(string name, string where) =>
        OpenAiError.OutOfRange(name, $"The conversation must {where} with a user message, but '{name}' is of the assistant.");
}
