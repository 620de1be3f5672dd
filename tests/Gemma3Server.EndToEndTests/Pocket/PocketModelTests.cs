using System.ClientModel;
using System.Text.Json;
using Gemma3Pocket.Curriculum;
using OpenAI;
using OpenAI.Chat;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>What a user of the built-in model sees: answers that are right.</summary>
public sealed class PocketModelTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private HttpClient Http => fixture.Process.Http;

    [Fact]
    public void Serve_NoModelConfigured_SaysSoAndHowToGetARealOne()
    {
        var line = Assert.Single(fixture.Process.Output.Split('\n'), line => line.Contains("built-in pocket model", StringComparison.Ordinal));
        Assert.Contains("gemma3server pull 4b --source ggml-org, then --model 4b", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_NoModelConfigured_NameThePocketModel() => Assert.Contains(
        "\"gemma-3-pocket-it-qat-q4_0\"", await Http.GetStringAsync(new Uri("v1/models", UriKind.Relative), Cancellation), StringComparison.Ordinal);

    [Theory]
    [InlineData("What is the capital of France?", "Paris")]
    [InlineData("What is the opposite of hot?", "cold")]
    public async Task Ask_Fact_IsAnswered(string question, string answer) =>
        Assert.Contains(answer, await PocketChat.AskAsync(Http, question, Cancellation), StringComparison.Ordinal);

    [Fact]
    public async Task Ask_ThreeTurnsLater_RemembersTheName()
    {
        List<LessonTurn> turns = [];
        foreach (var question in (string[])["My name is Clara.", "What is the capital of France?", "What is my name?"])
        {
            turns.Add(new("user", question));
            turns.Add(new("assistant", await PocketChat.AskAsync(Http, turns, Cancellation)));
        }

        Assert.Contains("Clara", turns[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ask_WithTools_CallsTheRightOneAndAnswersFromItsResult()
    {
        // The question, the call that is expected of the model, the tool's output.
        var lesson = Lesson(Skill.ToolResult, lesson => lesson.Turns.Count == 3);
        List<LessonTurn> turns = [lesson.Turns[0]];
        var answer = await PocketChat.AskAsync(Http, turns, Cancellation);
        using var call = JsonDocument.Parse(answer);
        Assert.Equal(["name", "parameters"], call.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(lesson.Turns[1].Text, answer);

        turns.AddRange([new("assistant", answer), lesson.Turns[2]]);
        Assert.Equal(lesson.Answer, await PocketChat.AskAsync(Http, turns, Cancellation));
    }

    [Fact]
    public async Task OpenAiSdk_Stream_ConcatenatesToTheWholeAnswer()
    {
        var client = new ChatClient(
            "gemma-3-pocket-it-qat-q4_0", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(fixture.Process.Address, "v1") });
        ChatMessage[] messages = [new UserChatMessage("Count from 3 to 9.")];
        var options = new ChatCompletionOptions { Temperature = 0 };
        var text = "";
        var chunks = 0;
        ChatFinishReason? finish = null;
        await foreach (var update in client.CompleteChatStreamingAsync(messages, options, Cancellation))
        {
            foreach (var part in update.ContentUpdate)
            {
                text += part.Text;
                chunks++;
            }

            finish = update.FinishReason ?? finish;
        }

        Assert.Equal("3, 4, 5, 6, 7, 8, 9", text.TrimEnd('.'));
        Assert.True(chunks > 5, $"{chunks} chunks");
        Assert.Equal(ChatFinishReason.Stop, finish);
    }

    [Fact]
    public async Task Ask_ThirtyTwoAtOnce_EachGetsItsOwnAnswer()
    {
        var generator = new CurriculumGenerator(seed: 7, LessonSplit.HeldOut);
        var lessons = Enumerable.Range(0, 32).Select(i => generator.Next(i % 2 == 0 ? Skill.Facts : Skill.Copy)).ToList();
        var together = await Task.WhenAll(lessons.Select(lesson => PocketChat.AskAsync(Http, lesson.Turns, Cancellation)));
        var alone = new List<string>();
        foreach (var lesson in lessons) alone.Add(await PocketChat.AskAsync(Http, lesson.Turns, Cancellation));

        Assert.Equal(alone, together);
        Assert.True(together.Zip(lessons).Count(pair => pair.First == pair.Second.Answer) >= 30, string.Join('\n', together));
    }

    private static Lesson Lesson(Skill skill, Func<Lesson, bool> wanted)
    {
        var generator = new CurriculumGenerator(seed: 3, LessonSplit.HeldOut);
        while (true)
        {
            var lesson = generator.Next(skill);
            if (wanted(lesson)) return lesson;
        }
    }
}
