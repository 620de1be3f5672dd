using System.Text.Json;

namespace Gemma3Server.Tests.Support;

/// <summary>Reads bodies and events of the Responses API.</summary>
internal static class ResponseElements
{
    /// <summary>The events of a stream; each must be named as its type says.</summary>
    public static List<JsonElement> Events(string text)
    {
        var events = new List<JsonElement>();
        foreach (var part in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.StartsWith(':')) continue;
            var lines = part.Split('\n');
            Assert.Equal(2, lines.Length);
            using var document = JsonDocument.Parse(lines[1]["data: ".Length..]);
            Assert.Equal($"event: {document.RootElement.GetProperty("type").GetString()}", lines[0]);
            events.Add(document.RootElement.Clone());
        }

        return events;
    }

    public static string Text(this JsonElement response) => string.Concat(response.GetProperty("output").EnumerateArray()
        .Where(item => item.Type() == "message").SelectMany(item => item.GetProperty("content").EnumerateArray()).Select(part => part.GetProperty("text").GetString()));

    public static string Id(this JsonElement response) => response.GetProperty("id").GetString()!;

    public static string Status(this JsonElement response) => response.GetProperty("status").GetString()!;

    public static int InputTokens(this JsonElement response) => response.GetProperty("usage").GetProperty("input_tokens").GetInt32();

    public static string Type(this JsonElement told) => told.GetProperty("type").GetString()!;
}
