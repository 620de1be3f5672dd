using System.Net;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>Bad requests: one error that names the field, the bound and the value.</summary>
public sealed class ResponseErrorTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("", "input", "missing_required_parameter", "Missing required parameter: 'input'.")]
    [InlineData("\"input\":5", "input", "invalid_type", "expected a string or an array of items, but got 5")]
    [InlineData("\"input\":[]", "input", "invalid_value", "at least 1 item, but has 0")]
    [InlineData("\"input\":\"\\ud800\"", "input", "invalid_type", "half a surrogate pair")]
    [InlineData("\"input\":[5]", "input[0]", "invalid_type", "expected an object, but got 5")]
    [InlineData("\"input\":[{\"role\":\"user\"}]", "input[0].content", "missing_required_parameter", "'input[0].content'")]
    [InlineData("\"input\":[{\"content\":\"Hi\"}]", "input[0].role", "missing_required_parameter", "'input[0].role'")]
    [InlineData("\"input\":[{\"role\":\"tool\",\"content\":\"Hi\"}]", "input[0].role", "invalid_value", "but is 'tool'")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]", "input[0].content[0].type", "invalid_value", "must be 'input_text' or 'output_text', but is 'text'")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"x\"}]}]", "input[0].content[0]", "image_input_not_supported", "is an image")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\"}]}]", "input[0].content[0].type", "unsupported_value", "'input_file'")]
    [InlineData("\"input\":[{\"type\":\"function_call\",\"name\":\"f\"}]", "input[0].call_id", "missing_required_parameter", "call_id")]
    [InlineData("\"input\":[{\"type\":\"function_call_output\",\"output\":\"1\"}]", "input[0].call_id", "missing_required_parameter", "call_id")]
    [InlineData("\"input\":[{\"type\":\"web_search_call\"}]", "input[0].type", "unsupported_value", "is 'web_search_call'")]
    [InlineData("\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_1\"}]", "input[0].id", "item_not_found", "Item with id 'msg_1' not found.")]
    [InlineData("\"input\":[{\"type\":\"reasoning\",\"summary\":[]}]", "input", "invalid_value", "at least 1 message")]
    [InlineData("\"input\":[{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]", "input[0]", "invalid_value", "must start with a user message")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]", "input[1]", "invalid_value", "must end with a user message")]
    [InlineData("\"input\":\"Hi\",\"model\":\"gpt\"", "model", "model_not_found", "'gpt' does not exist", HttpStatusCode.NotFound)]
    [InlineData("\"input\":\"Hi\",\"instructions\":[]", "instructions", "invalid_type", "expected a string, but got an array")]
    [InlineData("\"input\":\"Hi\",\"temperature\":2.5", "temperature", "invalid_value", "from 0 to 2, but is 2.5")]
    [InlineData("\"input\":\"Hi\",\"max_output_tokens\":0", "max_output_tokens", "invalid_value", "at least 1, but is 0")]
    [InlineData("\"input\":\"Hi\",\"top_logprobs\":21", "top_logprobs", "invalid_value", "from 0 to 20, but is 21")]
    [InlineData("\"input\":\"Hi\",\"truncation\":\"some\"", "truncation", "invalid_value", "but is 'some'")]
    [InlineData("\"input\":\"Hi\",\"include\":[\"all\"]", "include[0]", "invalid_value", "but is 'all'")]
    [InlineData("\"input\":\"Hi\",\"include\":[null]", "include[0]", "invalid_type", "but got null")]
    [InlineData("\"input\":\"Hi\",\"metadata\":{\"a\":null}", "metadata.a", "invalid_type", "but got null")]
    [InlineData("\"input\":\"Hi\",\"metadata\":{\"a\":1}", "metadata.a", "invalid_type", "expected a string, but got 1")]
    [InlineData("\"input\":\"Hi\",\"text\":{\"format\":{\"type\":\"xml\"}}", "text.format.type", "invalid_value", "must be one of")]
    [InlineData("\"input\":\"Hi\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\"}}", "text.format.schema", "missing_required_parameter", "schema")]
    [InlineData("\"input\":\"Hi\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{\"multipleOf\":2}}}", "text.format.schema", "invalid_value", "multipleOf")]
    [InlineData("\"input\":\"Hi\",\"text\":{\"verbosity\":\"loud\"}", "text.verbosity", "invalid_value", "but is 'loud'")]
    [InlineData("\"input\":\"Hi\",\"reasoning\":{\"effort\":\"huge\"}", "reasoning.effort", "invalid_value", "but is 'huge'")]
    [InlineData("\"input\":\"Hi\",\"tools\":[{\"type\":\"function\"}]", "tools[0].name", "missing_required_parameter", "name")]
    [InlineData("\"input\":\"Hi\",\"tools\":[{\"type\":\"web_search\"}]", "tools[0].type", "unsupported_value", "must be 'function' on this server, but is 'web_search'")]
    [InlineData("\"input\":\"Hi\",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"properties\":{\"a\":{\"multipleOf\":2}}}}]", "tools[0].parameters", "invalid_function_parameters", "at '/properties/a/multipleOf'")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}]", "input[1]", "invalid_value", "the result of 'a' is missing")]
    [InlineData("\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"type\":\"function_call_output\",\"call_id\":\"a\",\"output\":\"x\"}]", "input[1].call_id", "invalid_value", "there are no calls before it")]
    [InlineData("\"input\":[{\"type\":\"function_call\",\"call_id\":\"a\",\"arguments\":\"{}\"}]", "input[0].name", "missing_required_parameter", "name")]
    [InlineData("\"input\":[{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f g\",\"arguments\":\"{}\"}]", "input[0].name", "invalid_value", "'f g'")]
    [InlineData("\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"a\"}]", "input[0].output", "missing_required_parameter", "output")]
    [InlineData("\"input\":\"Hi\",\"tool_choice\":\"required\"", "tool_choice", "invalid_value", "only allowed when 'tools' are given")]
    [InlineData("\"input\":\"Hi\",\"conversation\":\"conv_1\"", "conversation", "unsupported_parameter", "'conversation' is not supported")]
    [InlineData("\"input\":\"Hi\",\"prompt\":{\"id\":\"p\"}", "prompt", "unsupported_parameter", "'prompt' is not supported")]
    [InlineData("\"input\":\"Hi\",\"background\":true,\"store\":false", "background", "invalid_value", "only allowed when 'store' is true")]
    [InlineData("\"input\":\"Hi\",\"stream_options\":{}", "stream_options", "invalid_value", "only allowed when 'stream' is true")]
    [InlineData("\"input\":\"Hi\",\"previous_response_id\":\"resp_1\"", "previous_response_id", "previous_response_not_found", "Previous response with id 'resp_1' not found.")]
    [InlineData("\"input\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"", "input", "context_length_exceeded", "context length is 64 tokens, but the input has")]
    [InlineData("\"input\":\"0123456789012345678901234567890123456789012345678901234567890123456789\",\"truncation\":\"auto\"", "input", "context_length_exceeded", "context length is 64 tokens")]
    [InlineData("\"input\":\"Hi\",\"max_output_tokens\":50", "input", "context_length_exceeded", "needs 68 (18 in the input, 50 in the completion)")]
    public async Task Post_BadRequest_NamesTheFault(string fields, string param, string code, string message, HttpStatusCode status = HttpStatusCode.BadRequest)
    {
        using var response = await shared.Server.RespondAsync($"{{{fields}}}");
        var error = (await Task.FromResult(response).ErrorAsync(status)).GetProperty("error");
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal((param, code, "invalid_request_error"),
            (error.GetProperty("param").GetString(), error.GetProperty("code").GetString(), error.GetProperty("type").GetString()));
        Assert.Equal(0, shared.Server.Engine.Statistics.Running);
    }

    [Theory]
    [InlineData("?stream=maybe", "stream")]
    [InlineData("?starting_after=1", "starting_after")]
    [InlineData("?stream=true&starting_after=x", "starting_after")]
    [InlineData("?stream=true&starting_after=-1", "starting_after")]
    [InlineData("/input_items?limit=0", "limit")]
    [InlineData("/input_items?limit=101", "limit")]
    [InlineData("/input_items?order=up", "order")]
    [InlineData("/input_items?after=msg_1", "after")]
    public async Task Get_BadQuery_NamesTheField(string query, string param)
    {
        var id = (await shared.Server.RespondAsync(ResponseCalls.Body()).JsonAsync()).Id();
        var error = await shared.Server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}{query}").ErrorAsync(HttpStatusCode.BadRequest);
        Assert.Equal(param, error.GetProperty("error").GetProperty("param").GetString());
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/input_items")]
    [InlineData("DELETE", "")]
    [InlineData("POST", "/cancel")]
    public async Task Any_UnknownId_Is404(string method, string path)
    {
        var error = await shared.Server.SendAsync(new HttpMethod(method), $"/v1/responses/resp_1{path}").ErrorAsync(HttpStatusCode.NotFound);
        Assert.Equal("""{"message":"Response with id 'resp_1' not found.","type":"invalid_request_error","param":"response_id","code":"response_not_found"}""",
            error.GetProperty("error").GetRawText());
    }

    [Fact]
    public async Task Post_NoJson_Is415()
    {
        using var response = await shared.Server.Client.PostAsync(
            new Uri("/v1/responses", UriKind.Relative), new StringContent("input=Hi", null, "text/plain"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }
}
