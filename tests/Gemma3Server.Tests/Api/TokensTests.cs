using System.Net;
using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class TokensTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("""{"content":"Hé"}""", """{"tokens":[310,433,407],"count":3,"max_model_len":64}""")]
    [InlineData("""{"content":"H","add_special":true}""", """{"tokens":[2,310],"count":2,"max_model_len":64}""")]
    [InlineData("""{"prompt":"H"}""", """{"tokens":[2,310],"count":2,"max_model_len":64}""")]
    [InlineData("""{"prompt":"H","add_special_tokens":false,"model":"gemma-test"}""", """{"tokens":[310],"count":1,"max_model_len":64}""")]
    [InlineData("""{"prompt":"H","return_token_strs":true}""", """{"tokens":[2,310],"count":2,"max_model_len":64,"token_strs":["<bos>","H"]}""")]
    [InlineData("""{"content":"Hé","add_special":true,"with_pieces":true}""",
        """{"tokens":[{"id":2,"piece":"<bos>"},{"id":310,"piece":"H"},{"id":433,"piece":[195]},{"id":407,"piece":[169]}],"count":4,"max_model_len":64}""")]
    [InlineData("""{"content":"<bos>","parse_special":false}""", """{"tokens":[298,336,349,353,300],"count":5,"max_model_len":64}""")]
    [InlineData("""{"content":""}""", """{"tokens":[],"count":0,"max_model_len":64}""")]
    public async Task Tokenize_Text_GivesItsTokens(string body, string expected) => Assert.Equal(expected, await PostAsync("/tokenize", body));

    [Theory]
    [InlineData("[310,433,407]", "Hé")]
    [InlineData("[2,310,106]", "<bos>H<end_of_turn>")]
    [InlineData("[433]", "\ufffd")]
    [InlineData("[7]", "<token 7>")]
    [InlineData("[]", "")]
    public async Task Detokenize_Tokens_GivesTheirText(string tokens, string text)
    {
        var body = JsonDocument.Parse(await PostAsync("/detokenize", $$"""{"tokens":{{tokens}}}""")).RootElement;
        Assert.Equal((text, text), (body.GetProperty("content").GetString(), body.GetProperty("prompt").GetString()));
    }

    [Fact]
    public async Task Detokenize_TokensOfAnyText_GivesItBack()
    {
        const string Text = "Grüße, 世界! <start_of_turn> 🙂\r\n";
        var tokens = JsonDocument.Parse(await PostAsync("/tokenize", $$"""{"content":{{JsonSerializer.Serialize(Text)}}}""")).RootElement.GetProperty("tokens").GetRawText();
        Assert.Equal(Text, JsonDocument.Parse(await PostAsync("/detokenize", $$"""{"tokens":{{tokens}}}""")).RootElement.GetProperty("content").GetString());
    }

    [Theory]
    [InlineData("/tokenize", "{}", "content", "missing_required_parameter")]
    [InlineData("/tokenize", """{"content":5}""", "content", "invalid_type")]
    [InlineData("/tokenize", """{"content":"\u0000"}""", "content", "invalid_type")]
    [InlineData("/tokenize", """{"prompt":"\ud800"}""", "prompt", "invalid_type")]
    [InlineData("/tokenize", """{"content":"a","prompt":"a"}""", "prompt", "invalid_value")]
    [InlineData("/tokenize", """{"content":"a","parse_special":true}""", "parse_special", "unsupported_value")]
    [InlineData("/tokenize", """{"content":"a","add_special":true,"add_special_tokens":false}""", "add_special_tokens", "invalid_value")]
    [InlineData("/tokenize", """{"messages":[]}""", "messages", "unsupported_parameter")]
    [InlineData("/detokenize", "{}", "tokens", "missing_required_parameter")]
    [InlineData("/detokenize", """{"tokens":"a"}""", "tokens", "invalid_type")]
    [InlineData("/detokenize", """{"tokens":[1,"a"]}""", "tokens[1]", "invalid_type")]
    [InlineData("/detokenize", """{"tokens":[512]}""", "tokens[0]", "invalid_value")]
    [InlineData("/apply-template", "{}", "messages", "missing_required_parameter")]
    [InlineData("/apply-template", """{"messages":[{"role":"robot","content":"a"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("/v1/chat/completions/input_tokens", "{}", "messages", "missing_required_parameter")]
    [InlineData("/v1/chat/completions/input_tokens", """{"messages":[{"role":"user","content":"a"}],"temperature":3}""", "temperature", "invalid_value")]
    public async Task Post_BadField_Is400WithParamAndCode(string path, string body, string param, string code)
    {
        using var response = await shared.Server.PostToAsync(path, body);
        var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest)).RootElement.GetProperty("error");
        Assert.Equal((param, code), (error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Tokenize_LongStrictBody_NamesWhatHasNoEffect()
    {
        using var named = await shared.Server.PostToAsync("/tokenize", """{"content":"a","bogus":1}""");
        Assert.Equal("bogus", named.Headers.GetValues("x-ignored-params").Single());
        using var refused = await shared.Server.PostToAsync("/tokenize", """{"content":"a","bogus":1}""", ("x-strict", "1"));
        Assert.Contains("'bogus' has no effect", await TestServer.ErrorAsync(refused, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ApplyTemplate_Conversation_GivesThePromptThatChatComputes()
    {
        var chat = TestServer.Chat();
        var body = JsonDocument.Parse(await PostAsync("/apply-template", chat)).RootElement;
        Assert.Equal("<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n", body.GetProperty("prompt").GetString());
        var tokens = body.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32()).ToArray();
        var written = JsonDocument.Parse(await PostAsync("/detokenize", $$"""{"tokens":[{{string.Join(',', tokens)}}]}""")).RootElement;
        Assert.Equal(body.GetProperty("prompt").GetString(), written.GetProperty("content").GetString());

        Assert.Equal($$"""{"input_tokens":{{tokens.Length}},"object":"chat.completion.input_tokens"}""", await PostAsync("/v1/chat/completions/input_tokens", chat));
        using var answer = await shared.Server.PostAsync(chat);
        var usage = JsonDocument.Parse(await TestServer.ReadAsync(answer)).RootElement.GetProperty("usage");
        Assert.Equal(tokens.Length, usage.GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task InputTokens_Request_GeneratesNothing()
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostToAsync("/v1/chat/completions/input_tokens", TestServer.Chat("\"stream\":true,\"n\":3"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal((0L, 0L), (server.Engine.Statistics.Steps, server.Engine.Statistics.CompletionTokens));
    }

    [Theory]
    [InlineData("/tokenize")]
    [InlineData("/detokenize")]
    [InlineData("/apply-template")]
    [InlineData("/v1/chat/completions/input_tokens")]
    [InlineData("/v1/embeddings")]
    public async Task Post_ServerHasKeys_AsksForOne(string path)
    {
        await using var server = await TestServer.StartAsync("a", new() { Http = new() { ApiKeys = ["key-1"] } });
        using var refused = await server.PostToAsync(path, "{}");
        Assert.Contains("invalid_api_key", await TestServer.ErrorAsync(refused, HttpStatusCode.Unauthorized), StringComparison.Ordinal);
        using var admitted = await server.PostToAsync(path, "{}", ("Authorization", "Bearer key-1"));
        Assert.Equal(HttpStatusCode.BadRequest, admitted.StatusCode);
    }

    [Theory]
    [InlineData("/tokenize")]
    [InlineData("/detokenize")]
    [InlineData("/apply-template")]
    [InlineData("/v1/chat/completions/input_tokens")]
    [InlineData("/v1/embeddings")]
    public async Task Post_NoJsonOrWrongMethod_IsRefused(string path)
    {
        using var text = await shared.Server.Client.PostAsync(path, new StringContent("a"), TestContext.Current.CancellationToken);
        Assert.Contains("unsupported_media_type", await TestServer.ErrorAsync(text, HttpStatusCode.UnsupportedMediaType), StringComparison.Ordinal);
        using var broken = await shared.Server.PostToAsync(path, "{\"a\":");
        Assert.Contains("invalid_json", await TestServer.ErrorAsync(broken, HttpStatusCode.BadRequest), StringComparison.Ordinal);
        using var large = await shared.Server.PostToAsync(path, $$"""{"a":"{{new string('a', 5000)}}"}""");
        Assert.Contains("request_too_large", await TestServer.ErrorAsync(large, HttpStatusCode.RequestEntityTooLarge), StringComparison.Ordinal);
        using var get = await shared.Server.Client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Contains("method_not_allowed", await TestServer.ErrorAsync(get, HttpStatusCode.MethodNotAllowed), StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var head = await shared.Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, head.StatusCode);
    }

    private async Task<string> PostAsync(string path, string body)
    {
        using var response = await shared.Server.PostToAsync(path, body);
        var text = await TestServer.ReadAsync(response);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        return text;
    }
}
