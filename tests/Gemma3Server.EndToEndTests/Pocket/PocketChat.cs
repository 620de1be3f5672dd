using System.Net.Http.Json;
using System.Text.Json;
using Gemma3Pocket.Curriculum;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>Asks the pocket model over HTTP.</summary>
internal static class PocketChat
{
    /// <summary>The greedy answer to a lesson's turns.</summary>
    public static async Task<string> AskAsync(HttpClient http, IEnumerable<LessonTurn> turns, CancellationToken cancellationToken)
    {
        var body = new { messages = turns.Select(turn => new { role = turn.Role, content = turn.Text }), temperature = 0, max_tokens = 200 };
        using var response = await http.PostAsJsonAsync(new Uri("v1/chat/completions", UriKind.Relative), body, cancellationToken);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        Assert.True(response.IsSuccessStatusCode, json.ToString());
        return json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }

    /// <summary>The greedy answer to one question.</summary>
    public static Task<string> AskAsync(HttpClient http, string question, CancellationToken cancellationToken) =>
        AskAsync(http, [new LessonTurn("user", question)], cancellationToken);
}
