using System.Net;
using System.Text;
using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class ErrorTests(SharedServer shared) : IClassFixture<SharedServer>
{
    /// <summary>Fields after model and message; the param and code of the error, and what its message contains.</summary>
    [Theory]
    [InlineData("\"temperature\":2.5", "temperature", "invalid_value", "'temperature' must be from 0 to 2, but is 2.5.")]
    [InlineData("\"temperature\":1e999", "temperature", "invalid_value", "from 0 to 2")]
    [InlineData("\"temperature\":\"hot\"", "temperature", "invalid_type", "Invalid type for 'temperature': expected a number, but got \"hot\".")]
    [InlineData("\"top_p\":-0.1", "top_p", "invalid_value", "from 0 to 1")]
    [InlineData("\"min_p\":1.5", "min_p", "invalid_value", "from 0 to 1")]
    [InlineData("\"typical_p\":1.01", "typical_p", "invalid_value", "from 0 to 1, but is 1.01")]
    [InlineData("\"typical_p\":-1", "typical_p", "invalid_value", "from 0 to 1")]
    [InlineData("\"top_k\":-1", "top_k", "invalid_value", "at least 0, but is -1")]
    [InlineData("\"top_k\":1.5", "top_k", "invalid_type", "expected an integer, but got 1.5")]
    [InlineData("\"repeat_penalty\":0", "repeat_penalty", "invalid_value", "from 0.01 to 10")]
    [InlineData("\"presence_penalty\":-2.1", "presence_penalty", "invalid_value", "from -2 to 2, but is -2.1")]
    [InlineData("\"frequency_penalty\":3", "frequency_penalty", "invalid_value", "from -2 to 2, but is 3")]
    [InlineData("\"logit_bias\":{\"x\":1}", "logit_bias", "invalid_value", "token ids from 0 to 511, but one is 'x'")]
    [InlineData("\"logit_bias\":{\"512\":1}", "logit_bias", "invalid_value", "but one is '512'")]
    [InlineData("\"logit_bias\":{\"5\":101}", "logit_bias.5", "invalid_value", "from -100 to 100, but is 101")]
    [InlineData("\"logit_bias\":[]", "logit_bias", "invalid_type", "expected an object, but got an array")]
    [InlineData("\"max_tokens\":0", "max_tokens", "invalid_value", "at least 1, but is 0")]
    [InlineData("\"max_completion_tokens\":0", "max_completion_tokens", "invalid_value", "at least 1")]
    [InlineData("\"max_tokens\":1,\"max_completion_tokens\":2", "max_completion_tokens", "invalid_value", "'max_tokens' (1)")]
    [InlineData("\"max_tokens\":60", "messages", "context_length_exceeded", "64 tokens, but the request needs 78 (18 in the messages, 60 in the completion)")]
    [InlineData("\"seed\":99999999999999999999", "seed", "invalid_type", "expected an integer")]
    [InlineData("\"stream\":\"yes\"", "stream", "invalid_type", "expected a boolean, but got \"yes\"")]
    [InlineData("\"stream_options\":{}", "stream_options", "invalid_value", "only allowed when 'stream' is true")]
    [InlineData("\"stream\":true,\"stream_options\":{\"include_usage\":1}", "stream_options.include_usage", "invalid_type", "expected a boolean, but got 1")]
    [InlineData("\"stop\":\"\"", "stop", "invalid_value", "at least 1 character")]
    [InlineData("\"stop\":[\"a\",\"\"]", "stop[1]", "invalid_value", "at least 1 character")]
    [InlineData("\"stop\":[1]", "stop[0]", "invalid_type", "expected a string, but got 1")]
    [InlineData("\"stop\":5", "stop", "invalid_type", "a string or an array of strings, but got 5")]
    [InlineData("\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "stop", "invalid_value", "at most 4 strings, but has 5")]
    [InlineData("\"stop\":\"\\ud800\"", "stop", "invalid_type", "half a surrogate pair")]
    [InlineData("\"parallel_tool_calls\":1", "parallel_tool_calls", "invalid_type", "expected a boolean, but got 1")]
    [InlineData("\"functions\":[{}]", "functions", "unsupported_parameter", "'functions' was replaced by 'tools'")]
    [InlineData("\"function_call\":{}", "function_call", "unsupported_parameter", "'function_call' was replaced by 'tool_choice'")]
    [InlineData("\"n\":0", "n", "invalid_value", "'n' must be from 1 to 16, but is 0")]
    [InlineData("\"n\":17", "n", "invalid_value", "'n' must be from 1 to 16, but is 17")]
    [InlineData("\"n\":\"2\"", "n", "invalid_type", "expected an integer")]
    [InlineData("\"logprobs\":1", "logprobs", "invalid_type", "expected a boolean, but got 1")]
    [InlineData("\"top_logprobs\":3", "top_logprobs", "invalid_value", "only allowed when 'logprobs' is true")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs", "invalid_value", "from 0 to 20, but is 21")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":-1", "top_logprobs", "invalid_value", "from 0 to 20, but is -1")]
    [InlineData("\"min_tokens\":-1", "min_tokens", "invalid_value", "at least 0, but is -1")]
    [InlineData("\"min_tokens\":6,\"max_tokens\":5", "min_tokens", "invalid_value", "at most the 5 tokens that the answer may have, but is 6")]
    [InlineData("\"min_tokens\":60", "min_tokens", "invalid_value", "at most the 46 tokens")]
    [InlineData("\"stop_token_ids\":[1,512]", "stop_token_ids[1]", "invalid_value", "from 0 to 511, but is 512")]
    [InlineData("\"stop_token_ids\":[-1]", "stop_token_ids[0]", "invalid_value", "but is -1")]
    [InlineData("\"stop_token_ids\":[null]", "stop_token_ids[0]", "invalid_type", "expected an integer, but got null")]
    [InlineData("\"stop_token_ids\":5", "stop_token_ids", "invalid_type", "expected an array, but got 5")]
    [InlineData("\"add_generation_prompt\":true,\"continue_final_message\":true", "continue_final_message", "invalid_value", "must not both be true")]
    [InlineData("\"continue_final_message\":true", "continue_final_message", "invalid_value", "needs a last message with the role 'assistant', but messages[0]")]
    [InlineData("\"prediction\":5", "prediction", "invalid_type", "expected an object, but got 5")]
    [InlineData("\"prediction\":{}", "prediction.type", "missing_required_parameter", "type")]
    [InlineData("\"prediction\":{\"type\":\"text\"}", "prediction.type", "invalid_value", "must be 'content', but is 'text'")]
    [InlineData("\"prediction\":{\"type\":\"content\"}", "prediction.content", "missing_required_parameter", "content")]
    [InlineData("\"prediction\":{\"type\":\"content\",\"content\":[{\"type\":\"text\",\"text\":1}]}", "prediction.content[0].text", "invalid_type", "but got 1")]
    [InlineData("\"prediction\":{\"type\":\"content\",\"content\":null}", "prediction.content", "invalid_type", "but got null")]
    [InlineData("\"user\":1", "user", "invalid_type", "expected a string, but got 1")]
    [InlineData("\"store\":\"yes\"", "store", "invalid_type", "expected a boolean")]
    [InlineData("\"metadata\":{\"a\":1}", "metadata.a", "invalid_type", "expected a string, but got 1")]
    [InlineData("\"metadata\":{\"a\":null}", "metadata.a", "invalid_type", "expected a string, but got null")]
    [InlineData("\"metadata\":[]", "metadata", "invalid_type", "expected an object, but got an array")]
    [InlineData("\"reasoning_effort\":\"extreme\"", "reasoning_effort", "invalid_value", "\"xhigh\" or \"max\", but is 'extreme'")]
    [InlineData("\"verbosity\":\"none\"", "verbosity", "invalid_value", "\"low\", \"medium\" or \"high\", but is 'none'")]
    [InlineData("\"stream\":true,\"stream_options\":{\"include_obfuscation\":1}", "stream_options.include_obfuscation", "invalid_type", "expected a boolean")]
    [InlineData("\"stop\":\"a\\u0000\"", "stop", "invalid_type", "a NUL character")]
    [InlineData("\"modalities\":[null]", "modalities", "unsupported_value", "but is [null]")]
    [InlineData("\"modalities\":\"text\"", "modalities", "invalid_type", "expected an array")]
    [InlineData("\"audio\":{}", "audio", "unsupported_parameter", "'audio'")]
    [InlineData("\"modalities\":[\"audio\"]", "modalities", "unsupported_value", "[\"text\"]")]
    [InlineData("\"web_search_options\":{}", "web_search_options", "unsupported_parameter", "'web_search_options'")]
    [InlineData("\"service_tier\":\"scale\"", "service_tier", "unsupported_value", "must be \"auto\", \"default\", \"flex\" or \"priority\", but is 'scale'")]
    [InlineData("\"service_tier\":1", "service_tier", "invalid_type", "expected a string, but got 1")]
    [InlineData("\"response_format\":7", "response_format", "invalid_type", "expected an object, but got 7")]
    [InlineData("\"response_format\":{}", "response_format.type", "missing_required_parameter", "'response_format.type'")]
    [InlineData("\"response_format\":{\"type\":\"xml\"}", "response_format.type", "invalid_value", "'json_schema', but is 'xml'")]
    [InlineData("\"response_format\":{\"type\":\"json_object\",\"schema\":{}}", "response_format", "unsupported_parameter", "may have 'type'")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\"}", "response_format.json_schema", "missing_required_parameter", "json_schema")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}", "response_format.json_schema.name", "missing_required_parameter", "name")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\"}}", "response_format.json_schema.schema", "missing_required_parameter", "schema")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":1,\"schema\":{}}}", "response_format.json_schema.strict", "invalid_type", "a boolean")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"properties\":{\"a\":{\"multipleOf\":2}}}}}", "response_format.json_schema.schema", "invalid_value", "at '/properties/a/multipleOf'")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"const\":\"\\ud800\"}}}", "response_format.json_schema.schema", "invalid_value", "surrogate pair")]
    [InlineData("\"structured_outputs\":{}", "structured_outputs", "invalid_value", "exactly one of 'json', 'regex', 'choice', 'grammar', but has 0")]
    [InlineData("\"structured_outputs\":{\"regex\":\"a\",\"choice\":[\"a\"]}", "structured_outputs", "invalid_value", "but has 2")]
    [InlineData("\"structured_outputs\":{\"lark\":\"a\"}", "structured_outputs", "unsupported_parameter", "it may have 'json'")]
    [InlineData("\"structured_outputs\":{\"regex\":\"(a)\\\\1\"}", "structured_outputs.regex", "invalid_value", "back reference")]
    [InlineData("\"structured_outputs\":{\"choice\":[]}", "structured_outputs.choice", "invalid_value", "1 to 10000 choices")]
    [InlineData("\"structured_outputs\":{\"choice\":[1]}", "structured_outputs.choice", "invalid_type", "an array of strings")]
    [InlineData("\"structured_outputs\":{\"grammar\":\"root ::= x\"}", "structured_outputs.grammar", "invalid_value", "'x', which it does not define")]
    [InlineData("\"structured_outputs\":{\"json\":\"{\"}", "structured_outputs.json", "invalid_value", "not valid JSON")]
    [InlineData("\"structured_outputs\":{\"regex\":\"a\"},\"response_format\":{\"type\":\"json_object\"}", "structured_outputs", "invalid_value", "at the same time")]
    public async Task Post_BadField_Is400WithParamAndCode(string fields, string param, string code, string message) =>
        await AssertErrorAsync(TestServer.Chat(fields), HttpStatusCode.BadRequest, param, code, message);

    [Theory]
    [InlineData("x-deterministic", "yes", "must be 1 or 0, but is 'yes'")]
    [InlineData("x-deterministic", "", "must be 1 or 0, but is ''")]
    [InlineData("x-request-timeout", "0", "above 0 and up to 86400, but is '0'")]
    [InlineData("x-request-timeout", "-1", "but is '-1'")]
    [InlineData("x-request-timeout", "1e3", "but is '1e3'")]
    [InlineData("x-request-timeout", "86401", "but is '86401'")]
    [InlineData("x-request-timeout", "NaN", "but is 'NaN'")]
    [InlineData("x-request-timeout", "soon", "but is 'soon'")]
    public async Task Post_BadHeader_Is400WithItsName(string name, string value, string message)
    {
        using var response = await shared.Server.PostAsync(TestServer.Chat(), (name, value));
        await AssertErrorAsync(response, HttpStatusCode.BadRequest, name, "invalid_value", message);
    }

    /// <summary>The messages of a request.</summary>
    [Theory]
    [InlineData("[]", "messages", "invalid_value", "at least 1 message")]
    [InlineData("null", "messages", "missing_required_parameter", "'messages'")]
    [InlineData("{}", "messages", "invalid_type", "expected an array, but got an object")]
    [InlineData("[null]", "messages[0]", "invalid_type", "expected an object, but got null")]
    [InlineData("[5]", "messages[0]", "invalid_type", "expected an object, but got 5")]
    [InlineData("[{\"content\":\"a\"}]", "messages[0].role", "missing_required_parameter", "messages[0].role")]
    [InlineData("[{\"role\":1,\"content\":\"a\"}]", "messages[0].role", "invalid_type", "expected a string, but got 1")]
    [InlineData("[{\"role\":\"boss\",\"content\":\"a\"}]", "messages[0].role", "invalid_value", "but is 'boss'")]
    [InlineData("[{\"role\":\"function\",\"content\":\"a\"}]", "messages[0].role", "unsupported_value", "which 'tool' has replaced")]
    [InlineData("[{\"role\":\"tool\",\"content\":\"a\"}]", "messages[0].tool_call_id", "missing_required_parameter", "tool_call_id")]
    [InlineData("[{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":1}]", "messages[0].tool_call_id", "invalid_type", "expected a string, but got 1")]
    [InlineData("[{\"role\":\"user\",\"content\":\"a\",\"name\":1}]", "messages[0].name", "invalid_type", "expected a string, but got 1")]
    [InlineData("[{\"role\":\"user\",\"content\":\"\\u0000\"}]", "messages[0].content", "invalid_type", "a NUL character")]
    [InlineData("[{\"role\":\"user\"}]", "messages[0].content", "missing_required_parameter", "content")]
    [InlineData("[{\"role\":\"user\",\"content\":5}]", "messages[0].content", "invalid_type", "but got 5")]
    [InlineData("[{\"role\":\"user\",\"content\":\"\\udc00\"}]", "messages[0].content", "invalid_type", "half a surrogate pair")]
    [InlineData("[{\"role\":\"user\",\"content\":[]}]", "messages[0].content", "invalid_value", "at least 1 part")]
    [InlineData("[{\"role\":\"user\",\"content\":[5]}]", "messages[0].content[0]", "invalid_type", "expected an object")]
    [InlineData("[{\"role\":\"user\",\"content\":[{}]}]", "messages[0].content[0].type", "missing_required_parameter", "type")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":1}]}]", "messages[0].content[0].type", "invalid_type", "expected a string")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"video\"}]}]", "messages[0].content[0].type", "invalid_value", "'video'")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "messages[0].content[0].text", "missing_required_parameter", "text")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}]", "messages[0].content[0].text", "invalid_type", "but got 1")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}]", "messages[0].content[0].type", "unsupported_value", "text parts only")]
    [InlineData("[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]", "messages[0].content[0]", "image_input_not_supported", "image")]
    [InlineData("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}]}]", "messages[1].tool_calls[0].id", "missing_required_parameter", "tool_calls")]
    [InlineData("[{\"role\":\"assistant\",\"content\":\"a\"}]", "messages[0].role", "invalid_value", "must start with a user message")]
    [InlineData("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"a\"}]", "messages[1].role", "invalid_value", "set 'continue_final_message' to true")]
    [InlineData("[{\"role\":\"user\",\"content\":null}]", "messages[0].content", "missing_required_parameter", "content")]
    public async Task Post_BadMessages_Is400WithParamAndCode(string messages, string param, string code, string message) =>
        await AssertErrorAsync($$"""{"model":"gemma-test","messages":{{messages}}}""", HttpStatusCode.BadRequest, param, code, message);

    /// <summary>Whole bodies.</summary>
    [Theory]
    [InlineData("", null, "invalid_json", "not valid JSON at line 1, byte 1")]
    [InlineData("{\"model\":\n \"a\",,}", null, "invalid_json", "at line 2, byte 6")]
    [InlineData("{\"model\":\"a\",\"model\":\"b\"}", null, "invalid_json", "model")]
    [InlineData("[]", null, "invalid_type", "must be a JSON object, but is an array")]
    [InlineData("null", null, "invalid_type", "but is null")]
    [InlineData("{}", "messages", "missing_required_parameter", "'messages'")]
    [InlineData("{\"model\":5}", "model", "invalid_type", "expected a string, but got 5")]
    public async Task Post_BadBody_Is400(string body, string? param, string code, string message) =>
        await AssertErrorAsync(body, HttpStatusCode.BadRequest, param, code, message);

    [Fact]
    public async Task Post_UnknownModel_Is404() =>
        await AssertErrorAsync("{\"model\":\"gpt\"}", HttpStatusCode.NotFound, "model", "model_not_found", "'gpt' does not exist");

    [Fact]
    public async Task Post_PromptLongerThanContext_NamesBothNumbers() => await AssertErrorAsync(
        TestServer.Chat(content: new string('x', 100)), HttpStatusCode.BadRequest, "messages", "context_length_exceeded",
        "context length is 64 tokens, but the messages have at least 116 tokens.");

    [Fact]
    public async Task Post_PromptFillsContext_SaysThereIsNoRoom() => await AssertErrorAsync(
        TestServer.Chat(content: new string('x', 48)), HttpStatusCode.BadRequest, "messages", "context_length_exceeded", "leaves no room");

    [Fact]
    public async Task Post_InvalidUtf8_Is400()
    {
        using var content = new ByteArrayContent([0x7b, 0xff, 0x7d]);
        content.Headers.ContentType = new("application/json");
        using var response = await shared.Server.Client.PostAsync("/v1/chat/completions", content, TestContext.Current.CancellationToken);
        await AssertErrorAsync(response, HttpStatusCode.BadRequest, null, "invalid_json", "not valid UTF-8");
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("multipart/form-data")]
    [InlineData(null)]
    public async Task Post_OtherContentType_Is415(string? type)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(TestServer.Chat()));
        content.Headers.ContentType = type is null ? null : new(type);
        using var response = await shared.Server.Client.PostAsync("/v1/chat/completions", content, TestContext.Current.CancellationToken);
        await AssertErrorAsync(response, HttpStatusCode.UnsupportedMediaType, null, "unsupported_media_type", "application/json");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_BodyOverTheLimit_Is413(bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(TestServer.Chat(content: new string('x', 5000)), Encoding.UTF8, "application/json"),
        };
        request.Headers.TransferEncodingChunked = chunked;
        using var response = await shared.Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        await AssertErrorAsync(response, HttpStatusCode.RequestEntityTooLarge, null, "request_too_large", "larger");
    }

    [Theory]
    [InlineData("GET", "/nothing", 404, "unknown_url")]
    [InlineData("GET", "/chat/completions", 404, "unknown_url")]
    [InlineData("GET", "/v1/chat/completions", 405, "method_not_allowed")]
    [InlineData("DELETE", "/v1/models", 405, "method_not_allowed")]
    [InlineData("GET", "/v1/models/other", 404, "model_not_found")]
    public async Task Send_UnknownRouteOrMethod_HasOpenAiShape(string method, string path, int status, string code)
    {
        using var request = new HttpRequestMessage(new(method), path);
        using var response = await shared.Server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        await AssertErrorAsync(response, (HttpStatusCode)status, code == "model_not_found" ? "model" : null, code, "");
        if (status == 405) Assert.NotEmpty(response.Content.Headers.Allow);
    }

    [Fact]
    public async Task Post_ErrorMessage_DoesNotRepeatLongOrControlText()
    {
        using var response = await shared.Server.PostAsync($$"""{"model":"a\n{{new string('b', 500)}}"}""");
        var body = await TestServer.ErrorAsync(response, HttpStatusCode.NotFound);
        Assert.Contains("'a?bbb", body, StringComparison.Ordinal);
        Assert.InRange(body.Length, 1, 400);
    }

    private async Task AssertErrorAsync(string body, HttpStatusCode status, string? param, string code, string message)
    {
        using var response = await shared.Server.PostAsync(body);
        await AssertErrorAsync(response, status, param, code, message);
    }

    private static async Task AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string? param, string code, string message)
    {
        using var body = JsonDocument.Parse(await TestServer.ErrorAsync(response, status));
        var error = Assert.Single(body.RootElement.EnumerateObject()).Value;
        Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(p => p.Name));
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal(param, error.GetProperty("param").GetString());
        Assert.Equal(code, error.GetProperty("code").GetString());
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(response.Headers.GetValues("x-request-id").Single());
    }
}
