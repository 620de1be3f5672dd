using System.ClientModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Pocket.Curriculum;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>
/// Ask, call, result, answer, between clients as they are and a model as it is: with the official client by hand, and with
/// Microsoft.Extensions.AI, which calls the functions itself. The questions are held-out ones of the model's curriculum.
/// </summary>
public sealed class PocketSdkToolTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private const int Count = 12;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ChatClient Client => new(
        "gemma-3-pocket-it-qat-q4_0", new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new(fixture.Process.Http.BaseAddress!, "v1") });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenAiSdk_HeldOutQuestions_AreCalledAndAnswered(bool stream)
    {
        var right = 0;
        foreach (var exercise in Exercises(seed: 21))
        {
            ChatCompletionOptions options = new() { Temperature = 0 };
            foreach (var tool in exercise.Tools)
            {
                options.Tools.Add(ChatTool.CreateFunctionTool(
                    tool.GetProperty("name").GetString()!, tool.GetProperty("description").GetString(), BinaryData.FromString(tool.GetProperty("parameters").GetRawText())));
            }

            List<ChatMessage> messages = [new UserChatMessage(exercise.Question)];
            var (message, reason) = await CompleteAsync(messages, options, stream);
            if (message.ToolCalls is not [var call] || !exercise.IsExpected(call.FunctionName, call.FunctionArguments.ToString())) continue;
            Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, reason);
            messages.AddRange([message, new ToolChatMessage(call.Id, exercise.Result)]);
            (message, reason) = await CompleteAsync(messages, options, stream);
            Assert.Equal(OpenAI.Chat.ChatFinishReason.Stop, reason);
            if (message.Content[0].Text == exercise.Answer) right++;
        }

        Assert.True(right >= Count - 2, $"{right} of {Count}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ExtensionsAi_FunctionInvocation_RunsTheLoopByItself(bool stream)
    {
        using var client = Client.AsIChatClient().AsBuilder().UseFunctionInvocation().Build();
        var right = 0;
        foreach (var exercise in Exercises(seed: 22))
        {
            List<(string Name, string Arguments)> called = [];
            ChatOptions options = new() { Temperature = 0, Tools = [.. exercise.Tools.Select(tool => new Function(tool, exercise.Result, called))] };
            var response = stream
                ? await client.GetStreamingResponseAsync(exercise.Question, options, Cancellation).ToChatResponseAsync(Cancellation)
                : await client.GetResponseAsync(exercise.Question, options, Cancellation);
            if (called is not [var (name, arguments)] || !exercise.IsExpected(name, arguments)) continue;
            Assert.Equal(Microsoft.Extensions.AI.ChatFinishReason.Stop, response.FinishReason);
            if (response.Messages[^1].Text == exercise.Answer) right++;
        }

        Assert.True(right >= Count - 2, $"{right} of {Count}");
    }

    private async Task<(AssistantChatMessage Message, OpenAI.Chat.ChatFinishReason Reason)> CompleteAsync(
        List<ChatMessage> messages, ChatCompletionOptions options, bool stream)
    {
        if (!stream)
        {
            ChatCompletion completion = await Client.CompleteChatAsync(messages, options, Cancellation);
            return (new(completion), completion.FinishReason);
        }

        var (text, reason) = ("", default(OpenAI.Chat.ChatFinishReason?));
        SortedDictionary<int, (string Id, string Name, string Arguments)> calls = [];
        await foreach (var update in Client.CompleteChatStreamingAsync(messages, options, Cancellation))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            foreach (var part in update.ToolCallUpdates)
            {
                calls.TryAdd(part.Index, (part.ToolCallId, part.FunctionName, ""));
                var arguments = part.FunctionArgumentsUpdate.ToMemory().IsEmpty ? "" : part.FunctionArgumentsUpdate.ToString();
                calls[part.Index] = calls[part.Index] with { Arguments = calls[part.Index].Arguments + arguments };
            }

            reason = update.FinishReason ?? reason;
        }

        return calls.Count == 0
            ? (new(text), reason!.Value)
            : (new(calls.Values.Select(call => ChatToolCall.CreateFunctionToolCall(call.Id, call.Name, BinaryData.FromString(call.Arguments)))), reason!.Value);
    }

    private static IEnumerable<Exercise> Exercises(ulong seed)
    {
        var generator = new CurriculumGenerator(seed, LessonSplit.HeldOut);
        for (var i = 0; i < Count; i++) yield return new(generator.Next(Skill.ToolResult));
    }

    /// <summary>A lesson, taken apart as a client sends it.</summary>
    private sealed class Exercise
    {
        private readonly string _call;

        public Exercise(Lesson lesson)
        {
            var lines = lesson.Turns[0].Text.Split('\n');
            Question = lines[^1];
            Tools = [.. JsonDocument.Parse(lines.First(line => line.StartsWith("[{", StringComparison.Ordinal))).RootElement.EnumerateArray()];
            _call = lesson.Turns[1].Text;
            Result = lesson.Turns[2].Text.Split('\n')[1];
            Answer = lesson.Answer;
        }

        public string Question { get; }

        public JsonElement[] Tools { get; }

        public string Result { get; }

        public string Answer { get; }

        public bool IsExpected(string name, string arguments) => JsonNode.DeepEquals(
            JsonNode.Parse(_call), new JsonObject { ["name"] = name, ["parameters"] = JsonNode.Parse(arguments) });
    }

    /// <summary>A function with a schema of its own, which says what the lesson says.</summary>
    private sealed class Function(JsonElement declaration, string result, List<(string Name, string Arguments)> called) : AIFunction
    {
        public override string Name => declaration.GetProperty("name").GetString()!;

        public override string Description => declaration.GetProperty("description").GetString()!;

        public override JsonElement JsonSchema => declaration.GetProperty("parameters");

        protected override ValueTask<object?> InvokeCoreAsync(AIFunctionArguments arguments, CancellationToken cancellationToken)
        {
            called.Add((Name, JsonSerializer.Serialize(arguments.ToDictionary())));
            return new(result);
        }
    }
}
