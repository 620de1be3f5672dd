namespace Gemma3Pocket.Curriculum.Tests;

public sealed class CurriculumGeneratorTests
{
    [Theory]
    [InlineData(LessonSplit.Train)]
    [InlineData(LessonSplit.HeldOut)]
    public void Next_SameSeed_GivesTheSameLessons(LessonSplit split)
    {
        var (first, second) = (new CurriculumGenerator(3, split), new CurriculumGenerator(3, split));
        for (var i = 0; i < 2000; i++)
        {
            var (a, b) = (first.Next(), second.Next());
            Assert.Equal((a.Skill, a.Conversation(), a.Answer), (b.Skill, b.Conversation(), b.Answer));
        }
    }

    /// <summary>Pins the first lessons: another machine or a later .NET must train the same model from the same seed.</summary>
    [Fact]
    public void Next_SeedOne_GivesTheKnownLessons()
    {
        var generator = new CurriculumGenerator(1, LessonSplit.HeldOut);
        Assert.Equal("user: Compute 56 + 74.", generator.Next(Skill.Addition).Conversation());
    }

    [Fact]
    public void Next_OtherSeed_GivesOtherLessons() => Assert.NotEqual(
        Sample.Of(Skill.Copy, LessonSplit.Train, 20, seed: 1).Select(lesson => lesson.Answer),
        Sample.Of(Skill.Copy, LessonSplit.Train, 20, seed: 2).Select(lesson => lesson.Answer));

    [Fact]
    public void DraftOf_BothSplits_ShareNoCombination()
    {
        var train = Keys(LessonSplit.Train);
        var heldOut = Keys(LessonSplit.HeldOut);
        Assert.True(train.Count + heldOut.Count > 50_000, $"{train.Count} + {heldOut.Count}");
        Assert.Empty(train.Intersect(heldOut));
    }

    [Fact]
    public void Next_HeldOutAddition_IsNeverTrainedInAnyTurn()
    {
        var heldOut = Sample.Of(Skill.Addition, LessonSplit.HeldOut, 5000).Select(lesson => Sum(lesson.Answer)!.Value).ToHashSet();
        var generator = new CurriculumGenerator(2, LessonSplit.Train);
        for (var i = 0; i < 50_000; i++)
        {
            var lesson = generator.Next();
            foreach (var text in lesson.Turns.Where(turn => turn.Role == "assistant").Select(turn => turn.Text).Append(lesson.Answer))
                Assert.False(Sum(text) is { } sum && heldOut.Contains(sum), text);
        }
    }

    /// <summary>A held-out question on a fact can be answered only if the fact was trained in other words.</summary>
    [Theory]
    [InlineData(Skill.Facts)]
    [InlineData(Skill.ServerHelp)]
    public void DraftOf_HeldOutSubject_IsTrainedInMostPhrasings(Skill skill)
    {
        var (train, heldOut) = (PhrasingsOf(LessonSplit.Train), PhrasingsOf(LessonSplit.HeldOut));
        Assert.All(heldOut, subject => Assert.True(train[subject.Key].Count() > subject.Count(), subject.Key));

        ILookup<string, string> PhrasingsOf(LessonSplit split)
        {
            var generator = new CurriculumGenerator(9, split);
            var keys = Enumerable.Range(0, 60_000).Select(_ => generator.DraftOf(skill).Key).Distinct().Select(key => key.Split('|'));
            return keys.ToLookup(key => key[^1], key => key[^2]);
        }
    }

    [Theory]
    [MemberData(nameof(Sample.Skills), MemberType = typeof(Sample))]
    public void Next_HeldOut_HasFiveHundredDistinctPrompts(Skill skill)
    {
        var distinct = Sample.Of(skill, LessonSplit.HeldOut, 10_000).Select(lesson => lesson.Conversation()).Distinct().Count();
        Assert.True(distinct >= 500, $"{distinct}");
    }

    [Theory]
    [MemberData(nameof(Sample.Skills), MemberType = typeof(Sample))]
    public void Next_HeldOut_HasNoSystemTurnAndOnlyTheTurnsItNeeds(Skill skill)
    {
        var most = skill switch { Skill.Memory => 7, Skill.ToolResult => 3, _ => 1 };
        Assert.All(Sample.Of(skill, LessonSplit.HeldOut, 1000), lesson =>
        {
            Assert.InRange(lesson.Turns.Count, 1, most);
            Assert.DoesNotContain(lesson.Turns, turn => turn.Role == "system");
        });
    }

    /// <summary>An exact answer needs one right answer: a conversation that had two would teach neither.</summary>
    [Fact]
    public void Next_SameConversation_HasOneAnswer()
    {
        var answers = new Dictionary<string, string>();
        foreach (var split in Enum.GetValues<LessonSplit>())
        {
            var generator = new CurriculumGenerator(4, split);
            for (var i = 0; i < 100_000; i++)
            {
                var lesson = generator.Next();
                var before = string.Join('\n', lesson.Turns.Where(turn => turn.Role != "system").Select(turn => turn.Text));
                Assert.True(answers.TryAdd(before, lesson.Answer) || answers[before] == lesson.Answer, $"{before} -> {lesson.Answer} | {answers[before]}");
            }
        }
    }

    [Fact]
    public void Next_Training_IsDressedAsOftenAsMeant()
    {
        var generator = new CurriculumGenerator(5, LessonSplit.Train);
        var lessons = Enumerable.Range(0, 20_000).Select(_ => generator.Next()).ToArray();
        var system = lessons.Count(lesson => lesson.Turns[0].Role == "system") / (double)lessons.Length;
        var plain = lessons.Where(lesson => lesson.Skill is not (Skill.Memory or Skill.ToolCall or Skill.ToolResult)).ToArray();
        var preceded = plain.Count(lesson => lesson.Turns.Count(turn => turn.Role == "user") > 1) / (double)plain.Length;
        Assert.InRange(system, 0.04, 0.06);
        Assert.InRange(preceded, 0.23, 0.27);
    }

    [Fact]
    public void Next_Turns_AlternateAndEndWithTheUser()
    {
        var generator = new CurriculumGenerator(6, LessonSplit.Train);
        for (var i = 0; i < 20_000; i++)
        {
            var lesson = generator.Next();
            var roles = lesson.Turns.Select(turn => turn.Role).SkipWhile(role => role == "system").ToArray();
            Assert.Equal(Enumerable.Range(0, roles.Length).Select(at => at % 2 == 0 ? "user" : "assistant"), roles);
            Assert.Equal(1, roles.Length % 2);
            Assert.All(lesson.Turns.Select(turn => turn.Text).Append(lesson.Answer), text => Assert.True(text.Length > 0 && text == text.Trim(), text));
        }
    }

    private static HashSet<string> Keys(LessonSplit split)
    {
        var generator = new CurriculumGenerator(8, split);
        return [.. Enum.GetValues<Skill>().SelectMany(skill => Enumerable.Range(0, 50_000 / 14).Select(_ => generator.DraftOf(skill).Key))];
    }

    private static (int, int)? Sum(string answer) =>
        answer.Split(" + ") is [var a, var rest] && int.TryParse(a, out var left) && int.TryParse(rest.Split(" = ")[0], out var right)
            ? (Math.Min(left, right), Math.Max(left, right))
            : null;
}
