using Gemma3Pocket.Curriculum.Skills;

namespace Gemma3Pocket.Curriculum;

/// <summary>Lessons without end, the same from the same seed.</summary>
/// <remarks>
/// A combination (two numbers, a phrasing and its subject, a set of words) is either trained or held out, by a hash of it. Training lessons
/// are dressed with a system turn or with exchanges of other skills now and then; held-out ones are put plainly, as an examiner does.
/// Not thread-safe.
/// </remarks>
/// <param name="seed">What the lessons are drawn from.</param>
/// <param name="split">Which combinations they are made of.</param>
public sealed class CurriculumGenerator(ulong seed, LessonSplit split)
{
    private const int PrecededPercent = 25;
    private const int SystemPercent = 5;

    // So short that two of them leave room for the lesson.
    private static readonly Skill[] ShortSkills = [Skill.Greeting, Skill.ServerHelp, Skill.Facts, Skill.Addition, Skill.Arithmetic, Skill.Unknown];

    private static readonly string[] SystemTexts =
    [
        "You are a helpful assistant.",
        "You are a friendly assistant.",
        "You are a helpful assistant. Answer briefly.",
        "You are a pocket Gemma 3 model.",
        "Answer exactly.",
        "Be short and exact.",
    ];

    private readonly LessonRandom _random = new(seed);

    /// <summary>How many of the training lessons are of each skill, in relation to one another: more where it must be exact.</summary>
    public static IReadOnlyDictionary<Skill, int> Weights { get; } = new Dictionary<Skill, int>
    {
        [Skill.Greeting] = 4,
        [Skill.ServerHelp] = 6,
        [Skill.Facts] = 12,
        [Skill.Addition] = 14,
        [Skill.Arithmetic] = 10,
        [Skill.Counting] = 5,
        [Skill.Copy] = 10,
        [Skill.Lists] = 11,
        [Skill.Json] = 9,
        [Skill.ToolCall] = 8,
        [Skill.ToolResult] = 4,
        [Skill.Memory] = 7,
        [Skill.Story] = 4,
        [Skill.Unknown] = 3,
    };

    /// <summary>The next lesson of the mix.</summary>
    public Lesson Next()
    {
        var left = _random.Below(Weights.Values.Sum());
        foreach (var (skill, weight) in Weights)
        {
            if (left < weight)
                return Next(skill);
            left -= weight;
        }

        throw new InvalidOperationException("The weights end before their sum.");
    }

    /// <summary>The next lesson of one skill.</summary>
    public Lesson Next(Skill skill)
    {
        var draft = DraftOf(skill);
        var turns = new List<LessonTurn>();
        // The declarations of tools stand in the first turn, and what was told must be the latest of its kind.
        var precedable = skill is not (Skill.ToolCall or Skill.ToolResult or Skill.Memory);
        if (split == LessonSplit.Train && _random.Percent(SystemPercent))
            turns.Add(new LessonTurn("system", _random.Of(SystemTexts)));
        if (split == LessonSplit.Train && precedable && _random.Percent(PrecededPercent))
            AddExchanges(turns, _random.Between(1, 2));
        turns.AddRange(draft.Earlier);
        AddExchanges(turns, draft.Interruptions);
        turns.Add(new LessonTurn("user", draft.Prompt));
        return new Lesson { Skill = skill, Turns = turns, Answer = draft.Answer };
    }

    /// <summary>A draft of the right split.</summary>
    internal LessonDraft DraftOf(Skill skill)
    {
        while (true)
        {
            var draft = Draw(skill);
            if (CombinationSplit.Of(draft.Key) == split)
                return draft;
        }
    }

    private void AddExchanges(List<LessonTurn> turns, int count)
    {
        while (count > 0)
        {
            var draft = DraftOf(_random.Of(ShortSkills));
            if (draft.IsPersonal)
                continue;
            turns.Add(new LessonTurn("user", draft.Prompt));
            turns.Add(new LessonTurn("assistant", draft.Answer));
            count--;
        }
    }

    private LessonDraft Draw(Skill skill) => skill switch
    {
        Skill.Greeting => GreetingLessons.Draw(_random),
        Skill.ServerHelp => ServerHelpLessons.Draw(_random),
        Skill.Facts => FactsLessons.Draw(_random),
        Skill.Addition => AdditionLessons.Draw(_random),
        Skill.Arithmetic => ArithmeticLessons.Draw(_random),
        Skill.Counting => CountingLessons.Draw(_random),
        Skill.Copy => CopyLessons.Draw(_random),
        Skill.Lists => ListsLessons.Draw(_random),
        Skill.Json => JsonLessons.Draw(_random),
        Skill.ToolCall => ToolCallLessons.Draw(_random),
        Skill.ToolResult => ToolResultLessons.Draw(_random),
        Skill.Memory => MemoryLessons.Draw(_random),
        Skill.Story => StoryLessons.Draw(_random),
        Skill.Unknown => UnknownLessons.Draw(_random),
        _ => throw new ArgumentOutOfRangeException(nameof(skill), skill, "There is no such skill."),
    };
}
