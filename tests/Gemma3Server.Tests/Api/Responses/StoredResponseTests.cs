using System.Net;
using System.Text.Json;
using Gemma3Server.Hosting;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>Retrieving, continuing, listing and deleting.</summary>
public sealed class StoredResponseTests
{
    [Fact]
    public async Task Get_StoredResponse_IsTheAnswerThatWasGiven()
    {
        await using var server = await TestServer.StartAsync("Hé!");
        var given = await server.RespondAsync(ResponseCalls.Body("\"metadata\":{\"a\":\"b\"}")).JsonAsync();
        Assert.Equal(given.GetRawText(), (await server.GetAsync($"/v1/responses/{given.Id()}")).GetRawText());
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"max_output_tokens\":2")]
    [InlineData(",\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":1")]
    [InlineData(",\"background\":true")]
    public async Task Get_AsStream_TellsTheSameEventsAgain(string fields)
    {
        await using var server = await TestServer.StartAsync("Hé, was?");
        var told = await server.RespondAsync(ResponseCalls.Body("\"stream\":true" + fields)).EventsAsync();
        var id = told[0].GetProperty("response").Id();
        foreach (var after in (int[])[-1, 0, 5, told.Count - 1, told.Count + 5])
        {
            var again = await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}?stream=true{(after < 0 ? "" : $"&starting_after={after}")}").EventsAsync();
            Assert.Equal(told.Skip(after + 1).Select(part => part.GetRawText()), again.Select(part => part.GetRawText()));
        }
    }

    [Fact]
    public async Task Post_StoreFalse_IsNotFound()
    {
        await using var server = await TestServer.StartAsync("a");
        var body = await server.RespondAsync(ResponseCalls.Body("\"store\":false")).JsonAsync();
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{body.Id()}").ErrorAsync(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Delete_StoredResponse_IsGone()
    {
        await using var server = await TestServer.StartAsync("a");
        var first = await server.RespondAsync(ResponseCalls.Body()).JsonAsync();
        var second = await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{first.Id()}\"")).JsonAsync();
        Assert.Equal("""{"id":"resp_ID","object":"response","deleted":true}""",
            await server.SendAsync(HttpMethod.Delete, $"/v1/responses/{first.Id()}").TextAsync());
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{first.Id()}").ErrorAsync(HttpStatusCode.NotFound);
        await server.SendAsync(HttpMethod.Delete, $"/v1/responses/{first.Id()}").ErrorAsync(HttpStatusCode.NotFound);

        // What continued it stands, but cannot be continued without its beginning.
        await server.GetAsync($"/v1/responses/{second.Id()}");
        var error = (await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{second.Id()}\"")).ErrorAsync(HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal("previous_response_not_found", error.GetProperty("code").GetString());
        Assert.Contains($"continues '{first.Id()}', which is not stored any more", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_PreviousResponse_ContinuesItsConversation()
    {
        await using var server = await TestServer.StartAsync("Hello");
        var first = await server.RespondAsync(ResponseCalls.Body("\"instructions\":\"Be kind.\"", "\"One\"")).JsonAsync();
        var second = await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{first.Id()}\"", "\"Two\"")).JsonAsync();
        var third = await server.RespondAsync(ResponseCalls.Body(
            $"\"previous_response_id\":\"{second.Id()}\",\"instructions\":\"Be brief.\"", "\"Three\"")).JsonAsync();
        Assert.Equal(first.Id(), second.GetProperty("previous_response_id").GetString());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("instructions").ValueKind);

        // Instructions are those of the response alone.
        Assert.Equal(await TokensAsync(server, """[{"role":"user","content":"One"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Two"}]"""), second.InputTokens());
        const string Whole = """
            [{"role":"system","content":"Be brief."},{"role":"user","content":"One"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Two"},
             {"role":"assistant","content":"Hello"},{"role":"user","content":"Three"}]
            """;
        Assert.Equal(await TokensAsync(server, Whole), third.InputTokens());
        var same = await server.RespondAsync(ResponseCalls.Body(input: Whole)).JsonAsync();
        Assert.Equal(third.InputTokens() - 1, same.GetProperty("usage").GetProperty("input_tokens_details").GetProperty("cached_tokens").GetInt32());
    }

    [Fact]
    public async Task Post_ItemReferences_StandForStoredItems()
    {
        await using var server = await TestServer.StartAsync("Hello");
        var first = await server.RespondAsync(ResponseCalls.Body(input: "\"One\"")).JsonAsync();
        var question = (await server.GetAsync($"/v1/responses/{first.Id()}/input_items")).GetProperty("data")[0].Id();
        var answer = first.GetProperty("output")[0].Id();
        var second = await server.RespondAsync(ResponseCalls.Body(input: $$"""
            [{"type":"item_reference","id":"{{question}}"},{"id":"{{answer}}"},{"role":"user","content":"Two"}]
            """)).JsonAsync();
        Assert.Equal(await TokensAsync(server, """[{"role":"user","content":"One"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Two"}]"""), second.InputTokens());
    }

    [Fact]
    public async Task InputItems_Pages_ListThemAll()
    {
        await using var server = await TestServer.StartAsync("a");
        var id = (await server.RespondAsync(ResponseCalls.Body(input: """
            [{"role":"user","content":"0"},{"role":"assistant","content":"1"},{"role":"developer","content":[{"type":"input_text","text":"2"}]},
             {"role":"user","content":"3"},{"role":"user","content":"4"}]
            """)).JsonAsync()).Id();
        var path = $"/v1/responses/{id}/input_items";
        Assert.Equal("""
            {"object":"list","data":[{"id":"msg_ID0004","type":"message","status":"completed","content":[{"type":"input_text","text":"4"}],"role":"user"},{"id":"msg_ID0003","type":"message","status":"completed","content":[{"type":"input_text","text":"3"}],"role":"user"}],"has_more":true,"first_id":"msg_ID0004","last_id":"msg_ID0003"}
            """.Trim(), await server.SendAsync(HttpMethod.Get, path + "?limit=2").TextAsync());

        var page = await server.GetAsync(path + "?limit=2&order=asc");
        var texts = "";
        while (true)
        {
            foreach (var item in page.GetProperty("data").EnumerateArray()) texts += item.GetProperty("content")[0].GetProperty("text").GetString();
            if (!page.GetProperty("has_more").GetBoolean()) break;
            page = await server.GetAsync($"{path}?limit=2&order=asc&after={page.GetProperty("last_id").GetString()}");
        }

        Assert.Equal("01234", texts);
        Assert.Equal("[]", (await server.GetAsync($"{path}?order=asc&after={page.GetProperty("last_id").GetString()}")).GetProperty("data").GetRawText());
        Assert.Equal("output_text", (await server.GetAsync(path)).GetProperty("data")[3].GetProperty("content")[0].Type());
    }

    [Fact]
    public async Task Post_TooLong_IsRefusedOrTruncated()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { ContextLength = 100, Next = ScriptedReply.Of("ok") });
        string? previous = null;
        var tokens = new List<int>();
        for (var i = 0; i < 8; i++)
        {
            var fields = "\"instructions\":\"S\",\"truncation\":\"auto\"" + (previous is null ? "" : $",\"previous_response_id\":\"{previous}\"");
            var body = await server.RespondAsync(ResponseCalls.Body(fields, $"\"question {i}\"")).JsonAsync();
            Assert.Equal("ok", body.Text());
            tokens.Add(body.InputTokens());
            previous = body.Id();
        }

        // An eighth of the context is left for the answer once items have to go.
        Assert.All(tokens, count => Assert.InRange(count, 1, 100 - 12));
        Assert.Equal(await TokensAsync(server, """
            [{"role":"system","content":"S"},{"role":"user","content":"question 5"},{"role":"assistant","content":"ok"},{"role":"user","content":"question 6"},{"role":"assistant","content":"ok"},{"role":"user","content":"question 7"}]
            """), tokens[^1]);
        var refused = await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{previous}\"")).ErrorAsync(HttpStatusCode.BadRequest);
        Assert.Equal("context_length_exceeded", refused.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Any_ServerWithKeys_ShowsAResponseToItsKeyAlone()
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { ApiKeys = ["key-1", "key-2"] } });
        var (mine, other) = (("Authorization", "Bearer key-1"), ("Authorization", "Bearer key-2"));
        var id = (await server.RespondAsync(ResponseCalls.Body(), mine).JsonAsync()).Id();
        foreach (var (method, path) in new[] { ("GET", ""), ("GET", "?stream=true"), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "") })
            await server.SendAsync(new HttpMethod(method), $"/v1/responses/{id}{path}", null, other).ErrorAsync(HttpStatusCode.NotFound);
        await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{id}\""), other).ErrorAsync(HttpStatusCode.BadRequest);
        await server.RespondAsync(ResponseCalls.Body(input: $"[{{\"type\":\"item_reference\",\"id\":\"{id.Replace("resp", "msg", StringComparison.Ordinal)}\"}}]"), other)
            .ErrorAsync(HttpStatusCode.BadRequest);
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}", null, mine).JsonAsync();
        await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{id}\""), mine).JsonAsync();
    }

    [Fact]
    public async Task Any_OpenServer_ShowsAResponseToAll()
    {
        await using var server = await TestServer.StartAsync("a", new Gemma3ServerOptions());
        var id = (await server.RespondAsync(ResponseCalls.Body(), ("Authorization", "Bearer a")).JsonAsync()).Id();
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}", null, ("Authorization", "Bearer b")).JsonAsync();
    }

    private static async Task<int> TokensAsync(TestServer server, string input) =>
        (await server.SendAsync(HttpMethod.Post, "/v1/responses/input_tokens", ResponseCalls.Body(input: input)).JsonAsync()).GetProperty("input_tokens").GetInt32();
}
