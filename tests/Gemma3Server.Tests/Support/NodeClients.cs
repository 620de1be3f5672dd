using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>The Node SDKs that are used most with OpenAI's API.</summary>
public sealed class NodeClients() : NodeProcess(Repository.Clients, "clients.mjs")
{
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a client makes of a server, as JSON; <paramref name="name"/> is a case of the script.</summary>
    internal string Run(string name, TestServer server)
    {
        var answer = Ask(new() { ["case"] = name, ["baseURL"] = new Uri(server.Client.BaseAddress!, "v1").ToString() });
        return answer["result"] is { } result ? Json(result) : throw new InvalidOperationException($"{name}: {answer["error"]}");
    }

    /// <summary>JSON as <see cref="Run"/> writes it.</summary>
    internal static string Json(JsonNode node) => node.ToJsonString(Relaxed);
}
