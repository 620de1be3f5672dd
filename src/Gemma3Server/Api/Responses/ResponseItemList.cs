using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>A page of a response's input items.</summary>
/// <param name="Data">The items.</param>
/// <param name="HasMore">Whether there are more in this direction.</param>
internal sealed record ResponseItemList(IReadOnlyList<ResponseItem> Data, bool HasMore)
{
    /// <summary>Always <c>list</c>.</summary>
    [JsonPropertyOrder(-1)]
    public string Object { get; init; } = "list";

    /// <summary>Id of the first item here; null on an empty page.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FirstId => Data.Count > 0 ? Data[0].Id : null;

    /// <summary>Id of the last item here; null on an empty page.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? LastId => Data.Count > 0 ? Data[^1].Id : null;
}
