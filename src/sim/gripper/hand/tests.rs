use proptest::prelude::*;

use super::*;

fn grasp(width: f64) -> Request {
    Request::Grasp(Grasp { width, epsilon_inner: 0.005, epsilon_outer: 0.005, speed: 0.1, force: 40.0 })
}

fn to(width: f64) -> Request {
    Request::Move(Move { width, speed: 0.1 })
}

impl Hand {
    /// Lets 5 ms pass at a time until nothing moves; the statuses that came, with their ids.
    fn settle(&mut self) -> Vec<(u32, Status)> {
        for _ in 0..4000 {
            self.advance(0.005);
            if !self.is_moving() {
                return self.said();
            }
        }
        panic!("still moving: {self:?}");
    }

    fn said(&mut self) -> Vec<(u32, Status)> {
        self.replies.drain(..).map(|reply| (reply.command_id, reply.status)).collect()
    }

    fn done(&mut self, request: &Request) -> Status {
        self.request(7, request);
        match self.settle()[..] {
            [(7, status)] => status,
            ref other => panic!("not one answer: {other:?}"),
        }
    }
}

#[test]
fn a_hand_that_is_not_homed_can_only_be_homed() {
    let mut hand = Hand::new(false, None);
    assert_eq!(hand.max_width_m(), 0.0);
    assert_eq!(hand.done(&to(0.04)), Status::Fail);
    assert_eq!(hand.done(&grasp(0.04)), Status::Fail);
    assert_eq!(hand.done(&Request::Homing), Status::Success);
    assert_eq!((hand.max_width_m(), hand.fingers.width_m()), (STROKE_M, STROKE_M));
    assert_eq!(hand.done(&to(0.04)), Status::Success);
    assert_eq!(hand.fingers.width_m(), 0.04);
}

#[test]
fn an_object_in_tolerance_is_held_until_the_fingers_let_go() {
    for let_go in [to(0.06), Request::Stop, Request::Homing] {
        let mut hand = Hand::new(true, Some(0.03));
        assert_eq!(hand.done(&grasp(0.033)), Status::Success);
        assert!(hand.is_grasped() && hand.fingers.width_m() == 0.03);
        assert_eq!(hand.done(&to(9.0)), Status::Fail);
        assert!(hand.is_grasped(), "what is refused changes nothing");
        assert_eq!(hand.done(&let_go), Status::Success);
        assert!(!hand.is_grasped(), "{let_go:?}");
    }
}

#[test]
fn a_grasp_of_nothing_or_of_another_width_is_unsuccessful() {
    for object in [None, Some(0.024), Some(0.036)] {
        let mut hand = Hand::new(true, object);
        assert_eq!(hand.done(&grasp(0.03)), Status::Unsuccessful, "{object:?}");
        assert!(!hand.is_grasped());
        assert_eq!(hand.fingers.width_m(), object.unwrap_or(0.0));
    }
}

#[test]
fn the_tolerances_of_a_grasp_belong_to_it() {
    for (object, status) in
        [(0.02, Status::Success), (0.0199, Status::Unsuccessful), (0.0401, Status::Unsuccessful)]
    {
        let mut hand = Hand::new(true, Some(object));
        let request = Grasp { width: 0.03, epsilon_inner: 0.01, epsilon_outer: 0.01, speed: 0.1, force: 0.0 };
        assert_eq!(hand.done(&Request::Grasp(request)), status, "{object}");
    }
}

#[test]
fn an_object_that_is_taken_away_is_lost_and_the_fingers_close() {
    let mut hand = Hand::new(true, Some(0.03));
    assert_eq!(hand.done(&grasp(0.03)), Status::Success);
    hand.fingers.put(None);
    hand.advance(0.005);
    assert_eq!(hand.settle(), []);
    assert!(!hand.is_grasped() && hand.fingers.width_m() == 0.0);
    hand.fingers.put(Some(0.03));
    hand.advance(0.005);
    assert!(!hand.is_grasped(), "what is lost is not held again by itself");
}

#[test]
fn a_move_against_an_object_gives_up() {
    let mut hand = Hand::new(true, Some(0.05));
    assert_eq!(hand.done(&to(0.02)), Status::Unsuccessful);
    assert_eq!(hand.fingers.width_m(), 0.05);
    assert!(!hand.is_grasped());
    assert_eq!(hand.done(&to(0.05)), Status::Success, "to its very width it does not have to press");
}

#[test]
fn a_stop_aborts_what_runs_and_succeeds_at_rest() {
    for motion in [to(0.0), grasp(0.0), Request::Homing] {
        let mut hand = Hand::new(true, None);
        hand.request(1, &motion);
        (0..40).for_each(|_| hand.advance(0.005));
        hand.request(2, &Request::Stop);
        assert_eq!(hand.said(), [(1, Status::Aborted)]);
        hand.advance(0.005);
        assert_eq!(hand.said(), [], "not before the fingers rest");
        assert_eq!(hand.settle(), [(2, Status::Success)]);
        let width = hand.fingers.width_m();
        assert!(0.05 < width && width < 0.07, "{motion:?}: on the way, {width} m");
    }
}

#[test]
fn a_command_that_comes_while_another_runs_takes_its_place() {
    let mut hand = Hand::new(true, None);
    hand.request(1, &to(0.0));
    (0..40).for_each(|_| hand.advance(0.005));
    hand.request(2, &Request::Stop);
    hand.request(3, &to(0.07));
    assert_eq!(hand.settle(), [(1, Status::Aborted), (2, Status::Success), (3, Status::Success)]);
    assert_eq!(hand.fingers.width_m(), 0.07);
}

#[test]
fn a_client_that_goes_stops_the_fingers_but_drops_nothing() {
    let mut hand = Hand::new(true, Some(0.03));
    hand.request(1, &to(0.04));
    (0..40).for_each(|_| hand.advance(0.005));
    hand.abandon();
    assert_eq!(hand.settle(), []);
    assert!(hand.fingers.width_m() > 0.04);
    assert_eq!(hand.done(&grasp(0.03)), Status::Success);
    hand.abandon();
    assert_eq!(hand.settle(), []);
    assert!(hand.is_grasped());
}

#[test]
fn speeds_above_the_drives_are_its_own() {
    let mut hand = Hand::new(true, None);
    assert_eq!(hand.done(&Request::Move(Move { width: 0.04, speed: 5.0 })), Status::Success);
}

fn any_request() -> impl Strategy<Value = Request> {
    let number = prop_oneof![
        4 => -0.01..0.1_f64,
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e300, 1e-300]),
    ];
    prop_oneof![
        Just(Request::Homing),
        Just(Request::Stop),
        (number.clone(), number.clone()).prop_map(|(width, speed)| Request::Move(Move { width, speed })),
        prop::array::uniform5(number).prop_map(|[width, epsilon_inner, epsilon_outer, speed, force]| {
            Request::Grasp(Grasp { width, epsilon_inner, epsilon_outer, speed, force })
        }),
    ]
}

proptest! {
    #[test]
    fn every_request_has_exactly_one_answer_in_order(
        requests in prop::collection::vec((any_request(), 0_usize..200), 1..20),
        object in prop::option::of(0.0..=STROKE_M),
        homed in any::<bool>(),
    ) {
        let mut hand = Hand::new(homed, object);
        for (id, (request, ticks)) in requests.iter().enumerate() {
            hand.request(id as u32, request);
            (0..*ticks).for_each(|_| hand.advance(0.005));
            prop_assert!(hand.fingers.width_m().is_finite());
        }
        hand.request(requests.len() as u32, &Request::Stop);
        let mut ids: Vec<u32> = hand.settle().into_iter().map(|(id, _)| id).collect();
        prop_assert_eq!(ids.last(), Some(&(requests.len() as u32)));
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..=requests.len() as u32).collect::<Vec<_>>());
        prop_assert!(!hand.is_grasped());
    }
}
