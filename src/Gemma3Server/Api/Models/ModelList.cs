using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Models;

/// <summary>The body of <c>GET /v1/models</c>.</summary>
/// <param name="Data">The models that can be asked for, the default one first.</param>
internal sealed record ModelList(IReadOnlyList<ModelDescription> Data)
{
    /// <summary>Always <c>list</c>.</summary>
    [JsonPropertyOrder(-1)]
    public string Object { get; init; } = "list";
}
