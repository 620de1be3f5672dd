using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Models;

/// <summary>The body of <c>POST /models/load</c>, <c>/models/unload</c> and <c>/models/pin</c>.</summary>
internal sealed record ModelOrder
{
    /// <summary>Id of a model, as <c>/v1/models</c> lists it, or another name of it.</summary>
    public string? Model { get; init; }

    /// <summary>For <c>load</c>: how long it stays after its last request: seconds, a time such as <c>5m</c>, 0 or -1.</summary>
    public JsonElement? KeepAlive { get; init; }

    /// <summary>For <c>pin</c>: false = it may be unloaded again.</summary>
    public bool? Pinned { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
