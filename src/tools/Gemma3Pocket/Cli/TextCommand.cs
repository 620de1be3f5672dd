using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gemma3Pocket.Curriculum;

namespace Gemma3Pocket.Cli;

/// <summary><c>text</c>: writes held-out lessons as conversations, for <c>gemma3server perplexity</c>.</summary>
internal static class TextCommand
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var file = new Option<string>("--out") { Required = true, Description = "JSON lines to write" };
        var count = new Option<int>("--lessons") { DefaultValueFactory = _ => 1000, Description = "Number of lessons" };
        var seed = new Option<ulong>("--seed") { DefaultValueFactory = _ => 1, Description = "Which lessons" };
        var command = new Command("text", "Writes held-out lessons, a conversation a line.") { file, count, seed };
        command.SetAction(parsed =>
        {
            var lessons = new CurriculumGenerator(parsed.GetValue(seed), LessonSplit.HeldOut);
            using var writer = File.CreateText(parsed.GetValue(file)!);
            for (var i = 0; i < parsed.GetValue(count); i++)
            {
                var lesson = lessons.Next();
                var messages = lesson.Turns.Append(new LessonTurn("assistant", lesson.Answer)).Select(turn => new { role = turn.Role, content = turn.Text });
                writer.Write(JsonSerializer.Serialize(new { messages }, Readable) + "\n");
            }
        });
        return command;
    }
}
