using Gemma3Server.Api.Responses;

namespace Gemma3Server.Responses;

/// <summary>What stands in one place of an input: an item, or a reference to a stored one.</summary>
/// <param name="Name">Its place, such as <c>input[2]</c>.</param>
/// <param name="Role">Who speaks; null for a reference.</param>
/// <param name="Texts">The texts of its parts; null for a reference.</param>
/// <param name="Reference">The id of a stored item.</param>
/// <param name="Item">A call or its output, still without an id; null for a message or a reference.</param>
internal sealed record InputPart(string Name, string? Role, IReadOnlyList<string>? Texts, string? Reference, ResponseItem? Item = null)
{
    /// <summary>The item as it is stored, in the given place of a response's input.</summary>
    public ResponseItem ToItem(string id) => Item is not null ? Item with { Id = id } : new()
    {
        Id = id,
        Status = ResponseStatus.Completed,
        Role = Role!,
        Content = [.. Texts!.Select(text => Role == "assistant" ? ResponseContent.Output(text) : ResponseContent.Input(text))],
    };
}
