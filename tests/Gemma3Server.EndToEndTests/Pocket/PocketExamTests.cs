using Gemma3Pocket.Curriculum;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>Examines the committed pocket model over HTTP on lessons that it was never trained on, against the figures of its card.</summary>
public sealed class PocketExamTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private const int LessonsOfASkill = 500;
    private const int AtOnce = 32;

    public static TheoryData<Skill> Skills => [.. Enum.GetValues<Skill>()];

    [Theory]
    [MemberData(nameof(Skills))]
    public async Task Exam_HeldOutLessons_ReachTheCardsFigureLessTwoPoints(Skill skill)
    {
        var lessons = HeldOut(skill);
        var right = 0;
        var wrong = new List<string>();
        await Parallel.ForEachAsync(
            lessons, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = TestContext.Current.CancellationToken }, async (lesson, cancellationToken) =>
            {
                var answer = await PocketChat.AskAsync(fixture.Process.Http, lesson.Turns, cancellationToken);
                if (answer == lesson.Answer)
                {
                    Interlocked.Increment(ref right);
                    return;
                }

                lock (wrong) wrong.Add($"{lesson.Turns[^1].Text}\n  expected: {lesson.Answer}\n  answered: {answer}");
            });

        var accuracy = 100.0 * right / lessons.Count;
        TestContext.Current.SendDiagnosticMessage("pocket exam: {0} {1:0.0} %", skill, accuracy);
        TestContext.Current.TestOutputHelper?.WriteLine($"{skill}: {accuracy:0.0} %\n{string.Join('\n', wrong.Take(20))}");
        Assert.True(
            accuracy >= PocketCard.Read().Accuracy(skill) - 2,
            $"{skill}: {accuracy:0.0} % of {lessons.Count}, the card says {PocketCard.Read().Accuracy(skill)} %. For example:\n{string.Join('\n', wrong.Take(5))}");
    }

    [Fact]
    public void Card_Figures_MeetTheAims()
    {
        var card = PocketCard.Read();
        Assert.All([Skill.Copy, Skill.Facts, Skill.Json, Skill.ToolCall], skill => Assert.InRange(card.Accuracy(skill), 95, 100));
        Assert.InRange(card.Accuracy(Skill.Addition), 80, 100);
        Assert.InRange(Enum.GetValues<Skill>().Average(card.Accuracy), 90, 100);
    }

    /// <summary>Distinct held-out lessons; the seed is the exam's own.</summary>
    private static List<Lesson> HeldOut(Skill skill)
    {
        var generator = new CurriculumGenerator(seed: 20_261_124, LessonSplit.HeldOut);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var lessons = new List<Lesson>();
        for (var drawn = 0; lessons.Count < LessonsOfASkill; drawn++)
        {
            Assert.True(drawn < 1000 * LessonsOfASkill, $"{skill} has only {lessons.Count} distinct held-out lessons.");
            var lesson = generator.Next(skill);
            if (seen.Add(string.Join('\n', lesson.Turns.Select(turn => turn.Text)))) lessons.Add(lesson);
        }

        return lessons;
    }
}
